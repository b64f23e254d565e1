-- What time it is for the database.
select jobtrail.clock()
