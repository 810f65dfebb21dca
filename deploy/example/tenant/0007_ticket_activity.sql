-- When anything last happened on a ticket; queues are sorted by it.
ALTER TABLE "tickets" ADD COLUMN "last_activity_at" timestamp with time zone;--> statement-breakpoint
UPDATE "tickets" AS t
SET "last_activity_at" = greatest(t."created_at", coalesce((SELECT max(m."created_at") FROM "messages" AS m WHERE m."ticket_id" = t."id"), t."created_at"));--> statement-breakpoint
ALTER TABLE "tickets" ALTER COLUMN "last_activity_at" SET DEFAULT now();--> statement-breakpoint
ALTER TABLE "tickets" ALTER COLUMN "last_activity_at" SET NOT NULL;--> statement-breakpoint
CREATE INDEX "tickets_last_activity_at_idx" ON "tickets" USING btree ("last_activity_at" DESC NULLS LAST);--> statement-breakpoint
CREATE FUNCTION "touch_ticket"() RETURNS trigger LANGUAGE plpgsql AS $touch$
BEGIN
	-- plpgsql resolves names through the caller's search path: name the schema of the table that fired.
	EXECUTE format('UPDATE %I.tickets SET last_activity_at = greatest(last_activity_at, $1) WHERE id = $2;', TG_TABLE_SCHEMA)
		USING NEW.created_at, NEW.ticket_id;
	RETURN NULL;
END;
$touch$;--> statement-breakpoint
CREATE TRIGGER "messages_touch_ticket" AFTER INSERT ON "messages" FOR EACH ROW EXECUTE FUNCTION "touch_ticket"();
