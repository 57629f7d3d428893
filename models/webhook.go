package models

// Codes of webhook endpoints.
const (
	CodeInvalidURL   Code = "INVALID_URL"
	CodeURLNotHTTPS  Code = "URL_NOT_HTTPS"
	CodeURLNotPublic Code = "URL_NOT_PUBLIC"
)
