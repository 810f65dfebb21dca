CREATE TABLE "sla_policies" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"priority" "ticket_priority" NOT NULL,
	"first_response_minutes" integer NOT NULL,
	"resolution_minutes" integer NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "sla_policies_name_unique" UNIQUE("name"),
	CONSTRAINT "sla_policies_minutes_check" CHECK ("sla_policies"."first_response_minutes" > 0
          and "sla_policies"."resolution_minutes" >= "sla_policies"."first_response_minutes")
);
--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "sla_policy_id" uuid;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "first_response_due_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "resolution_due_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_sla_policy_id_sla_policies_id_fk" FOREIGN KEY ("sla_policy_id") REFERENCES "sla_policies"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "sla_policies_priority_idx" ON "sla_policies" USING btree ("priority") WHERE "sla_policies"."active";--> statement-breakpoint
CREATE INDEX "tickets_sla_policy_id_idx" ON "tickets" USING btree ("sla_policy_id");--> statement-breakpoint
CREATE INDEX "tickets_first_response_due_at_idx" ON "tickets" USING btree ("first_response_due_at") WHERE "tickets"."status" = 'new';
