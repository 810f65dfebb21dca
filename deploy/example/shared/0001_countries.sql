CREATE TABLE "countries" (
	"code" char(2) PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"currency" char(3) NOT NULL,
	"vat_rate" numeric(5, 2) DEFAULT '0' NOT NULL,
	CONSTRAINT "countries_name_unique" UNIQUE("name"),
	CONSTRAINT "countries_code_check" CHECK ("countries"."code" = upper("countries"."code"))
);
--> statement-breakpoint
CREATE INDEX "countries_currency_idx" ON "countries" USING btree ("currency");
