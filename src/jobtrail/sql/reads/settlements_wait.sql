-- Whether anything is to be made of an end. It waits for nobody and is the whole price where nobody depends on anybody.
select exists (select from jobtrail.settlements)
