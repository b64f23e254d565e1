drop function jobtrail.fingerprint(text, text);
