package models

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strconv"
	"strings"
	"time"
)

// APIKey is the credential of a program: what is stored of it, which is never
// the secret. It acts for one role and organisation within its scopes, until it
// expires or is revoked.
type APIKey struct {
	ID           string `gorm:"column:id;primaryKey" json:"id"`
	Name         string `gorm:"column:name" json:"name"`
	Role         Role   `gorm:"column:role" json:"role"`
	Organization string `gorm:"column:organization" json:"organization"`
	Scopes       Scopes `gorm:"column:scopes" json:"scopes"`
	// CreatedBy is the subject of who made it.
	CreatedBy string    `gorm:"column:created_by" json:"createdBy"`
	CreatedAt time.Time `gorm:"column:created_at;autoCreateTime:false" json:"createdAt"`
	// ExpiresAt is exclusive: at this instant it is no longer good.
	ExpiresAt time.Time  `gorm:"column:expires_at" json:"expiresAt"`
	RevokedAt *time.Time `gorm:"column:revoked_at" json:"revokedAt"`
	// LastUsedAt is right to the minute.
	LastUsedAt *time.Time `gorm:"column:last_used_at" json:"lastUsedAt"`
	// SecretHash is SHA-256 of the whole text of the key, as hex. The secret is
	// 160 random bits, so nothing is gained by a slow hash, and each request
	// would pay for it.
	SecretHash string `gorm:"column:secret_hash" json:"-"`
}

// The text of a key is st_<id>_<secret><checksum>, in the letters of
// keyEncoding. The checksum is of all before it: whoever scans for leaked
// secrets, or mistypes one, needs no database to know.
const (
	// APIKeyPrefix begins every API key, and no other credential.
	APIKeyPrefix = "st_"
	// APIKeyIDBytes and APIKeySecretBytes are how much chance a key takes.
	APIKeyIDBytes, APIKeySecretBytes = 10, 20

	keyIDLength, keySecretLength, keyChecksumLength = 16, 32, 7
	keyLength                                       = len(APIKeyPrefix) + keyIDLength + 1 + keySecretLength + keyChecksumLength
)

var keyEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewAPIKeyText writes a key of random bytes, APIKeyIDBytes and
// APIKeySecretBytes of them, and returns its id as well.
func NewAPIKeyText(random []byte) (id, text string) {
	id = keyEncoding.EncodeToString(random[:APIKeyIDBytes])
	text = APIKeyPrefix + id + "_" + keyEncoding.EncodeToString(random[APIKeyIDBytes:APIKeyIDBytes+APIKeySecretBytes])
	return id, text + keyChecksum(text)
}

func keyChecksum(text string) string {
	return keyEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
}

// APIKeyID takes the id out of the text of a key; ok is false for what cannot
// be one, since it is cut, mistyped or something else.
func APIKeyID(text string) (id string, ok bool) {
	if len(text) != keyLength || !strings.HasPrefix(text, APIKeyPrefix) {
		return "", false
	}
	checked := keyLength - keyChecksumLength
	id, secret, found := strings.Cut(text[len(APIKeyPrefix):checked], "_")
	if !found || len(id) != keyIDLength || len(secret) != keySecretLength || text[checked:] != keyChecksum(text[:checked]) {
		return "", false
	}
	return id, true
}

// HashAPIKey is what is stored of the text of a key.
func HashAPIKey(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Matches tells whether the text is that of the key, in the same time whatever
// it is.
func (k *APIKey) Matches(text string) bool {
	return subtle.ConstantTimeCompare([]byte(HashAPIKey(text)), []byte(k.SecretHash)) == 1
}

// Ended says why the key is good no longer, nil while it is.
func (k *APIKey) Ended(now time.Time) error {
	switch {
	case k.RevokedAt != nil:
		return errors.New("it was revoked: ask for a new one")
	case !now.Before(k.ExpiresAt):
		return errors.New("it has expired: ask for a new one")
	}
	return nil
}

// Viewer is who the key acts as.
func (k *APIKey) Viewer() Viewer {
	return Viewer{
		Role: k.Role, Organization: k.Organization, Subject: "api-key/" + k.ID,
		Scopes: k.Scopes | limited, SignIn: SignInAPIKey, ExpiresAt: k.ExpiresAt.UTC(),
	}
}

// APIKeyUseInterval is how exact LastUsedAt is: a key in use is written once in
// it.
const APIKeyUseInterval = time.Minute

// How long a key may be good, and is where nothing is said.
const (
	DefaultAPIKeyDays = 365
	MaxAPIKeyDays     = 2 * 365
)

// Codes of API keys.
const (
	CodeScopesRequired      Code = "SCOPES_REQUIRED"
	CodeUnknownScope        Code = "UNKNOWN_SCOPE"
	CodeScopeNotYours       Code = "SCOPE_NOT_YOURS"
	CodeScopeNotForKeys     Code = "SCOPE_NOT_FOR_KEYS"
	CodeRoleNotYours        Code = "ROLE_NOT_YOURS"
	CodeOrganizationMissing Code = "ORGANIZATION_REQUIRED"
	CodeOrganizationNotOne  Code = "ORGANIZATION_NOT_FOUND"
	CodeTooManyAPIKeys      Code = "TOO_MANY_API_KEYS"
	CodeExpiresInPast       Code = "EXPIRES_IN_PAST"
	CodeExpiresTooLate      Code = "EXPIRES_TOO_LATE"
)

// Check finds everything that keeps a viewer from making the key now,
// beside whether its organisation exists. scopes are those that were asked for.
func (k *APIKey) Check(viewer Viewer, scopes []Scope, now time.Time) Violations {
	var vs Violations
	vs.checkText("name", k.Name, true)
	switch {
	case k.Role != RolePublisher && k.Role != RoleReseller && k.Role != RoleFinance && k.Role != RoleOperator:
		vs.Add("role", CodeInvalid, Quote(string(k.Role))+" is not a role: use PUBLISHER, RESELLER, FINANCE or OPERATOR")
	case viewer.Role == k.Role && !viewer.MayActFor(k.Role, k.Organization):
		vs.Add("organization", CodeRoleNotYours, "is not your own: make keys for your own organisation")
	case !viewer.MayActFor(k.Role, k.Organization):
		vs.Add("role", CodeRoleNotYours, "is more than you may hand on: make keys for your own role and organisation")
	case !(Viewer{Role: k.Role, Organization: k.Organization}).Valid():
		vs.Add("organization", CodeOrganizationMissing, "is missing: name the publisher's id, or the reseller's tenant id")
	case k.Organization != "" && (Viewer{Role: k.Role}).SeesEverything():
		vs.Add("organization", CodeInvalid, "does not go with the role "+string(k.Role)+": leave it out")
	}
	if len(scopes) == 0 {
		vs.Add("scopes", CodeScopesRequired, "is empty: name what the program needs")
	}
	for i, scope := range scopes {
		field := "scopes." + strconv.Itoa(i)
		switch {
		case !scope.Valid():
			vs.Add(field, CodeUnknownScope, Quote(string(scope))+" is not a scope")
		case scope == ScopeAPIKeysWrite:
			vs.Add(field, CodeScopeNotForKeys, "is not for keys: a key makes and revokes no keys")
		case !viewer.Scopes.Allows(scope):
			vs.Add(field, CodeScopeNotYours, "is not among your own scopes: you cannot hand on more than you have")
		}
	}
	switch latest := now.AddDate(0, 0, MaxAPIKeyDays); {
	case !k.ExpiresAt.After(now):
		vs.Add("expiresAt", CodeExpiresInPast, "is not in the future")
	case k.ExpiresAt.After(latest):
		vs.Add("expiresAt", CodeExpiresTooLate, "is too far: a key is good for "+strconv.Itoa(MaxAPIKeyDays)+" days at most, until "+latest.Format(time.RFC3339))
	}
	return vs
}
