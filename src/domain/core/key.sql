-- name: key_check_get
SELECT value FROM key_check;

-- name: key_check_make
INSERT INTO key_check (only_row, value) VALUES (1, $1) ON CONFLICT (only_row) DO NOTHING;
