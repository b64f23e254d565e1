-- Errors that are alike: a fingerprint of an error's code and of its message's first line. It is computed when somebody
-- asks; no job carries it, so that a failure costs nothing more.

-- What differs from one job to the next (texts in quotation marks, temporary paths, every word with a digit in it: numbers,
-- ids, hashes, times) counts as one sign.
create function jobtrail.fingerprint(error_code text, error_message text) returns text language sql immutable parallel safe as $$
  select 'fp_' || left(encode(sha256(convert_to(coalesce(error_code, '') || E'\n' || regexp_replace(
    left(split_part(coalesce(error_message, ''), E'\n', 1), 300),
    '"[^"]*"|(?<![[:alnum:]])''[^'']*''(?![[:alnum:]])|`[^`]*`|(?:/var)?/tmp/[^[:space:],;:)]*|[[:alnum:]_.-]*[0-9][[:alnum:]_.-]*',
    '#', 'g'), 'UTF8')), 'hex'), 8)
$$;
