ALTER TABLE "tickets" ADD COLUMN "satisfaction" smallint;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_satisfaction_check" CHECK ("tickets"."satisfaction" between 1 and 5);--> statement-breakpoint
CREATE INDEX "tickets_satisfaction_idx" ON "tickets" USING btree ("satisfaction") WHERE "tickets"."satisfaction" is not null;
