-- Which of these digests some asset refers to, in whatever workspace.
select wanted.sha256 from unnest($1::text[]) wanted (sha256)
where exists (select from jobtrail.assets a where a.sha256 = wanted.sha256)
