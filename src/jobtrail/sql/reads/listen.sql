-- Subscribes this session to hints.
listen jobtrail
