-- Removes a webhook with the list of its deliveries; their jobs stay, and are cancelled when they come to run.
delete from jobtrail.webhooks where workspace_id = $1 and id = $2 returning id
