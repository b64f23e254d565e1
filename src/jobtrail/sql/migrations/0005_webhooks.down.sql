drop function jobtrail.wants(jobtrail.webhooks, text, text, text), jobtrail.is_among(text, text[]);
drop table jobtrail.webhook_dispatcher;
drop table jobtrail.webhook_deliveries;
drop table jobtrail.webhooks;
drop type jobtrail.delivery_status;
