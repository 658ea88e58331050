-- name: audit_insert
INSERT INTO audit (id, at, actor, action, subject, details) VALUES ($1, $2, $3, $4, $5, $6);

-- name: audit_page
SELECT id, at, actor, action, subject, details FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2;
