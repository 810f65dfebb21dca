CREATE VIEW "open_tickets" AS (select t."id", t."subject", t."priority", t."last_activity_at", c."email" as "requester", a."name" as "assignee" from "tickets" t join "contacts" c on c."id" = t."requester_id" left join "agents" a on a."id" = t."assignee_id" where t."status" in ('new', 'open', 'pending'));--> statement-breakpoint
CREATE VIEW "invoice_totals" AS (select i."id", i."number", i."status", i."currency", coalesce(sum(l."amount_cents"), 0)::bigint as "total_cents" from "invoices" i left join "invoice_lines" l on l."invoice_id" = i."id" group by i."id");--> statement-breakpoint
COMMENT ON TABLE "tickets" IS 'one request of a contact; it''s "solved" by an agent and closed by time';--> statement-breakpoint
COMMENT ON COLUMN "tickets"."custom_fields" IS 'answers of the tenant''s own form; keys are field names';--> statement-breakpoint
COMMENT ON VIEW "open_tickets" IS 'what the queue page shows';--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_solved_at_check" CHECK ("tickets"."status" in ('solved', 'closed') or "tickets"."solved_at" is null);
