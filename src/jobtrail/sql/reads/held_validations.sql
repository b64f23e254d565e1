-- Which of these validations (their tokens) are still a worker's own.
select token from jobtrail.validations where worker_id = $1 and token = any ($2::uuid[])
