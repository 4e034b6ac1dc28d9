-- What an operator has ordered for a while: msgpack of rate (bytes a second, nil: unlimited), until (an instant), span
-- (seconds).
ALTER TABLE target_memory ADD COLUMN rate_order BLOB;
