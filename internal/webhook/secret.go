package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// MinKeyLength is the least bytes of the key that seals secrets.
	MinKeyLength = 32
	// secretPrefix begins the text of every secret.
	secretPrefix = "whsec_"
	// secretLength is how many random bytes a secret has; the standard asks for 24
	// to 64.
	secretLength = 32
)

// ErrSealed: a secret was sealed with another key than this sender's, or for
// another endpoint.
var ErrSealed = errors.New("webhook: the secret cannot be opened with this key")

// sign is one signature of a message: v1, and the HMAC-SHA256 of its id, instant
// and body in base64.
func sign(secret []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// vault seals the secrets of endpoints. They must be read to sign, so no hash
// will do; sealed, a copy of the database alone is of no use to whoever would
// sign in our name.
type vault struct{ cipher.AEAD }

func newVault(key []byte) (v vault, err error) {
	if len(key) < MinKeyLength {
		return v, fmt.Errorf("the webhook key has %d bytes: it needs at least %d", len(key), MinKeyLength)
	}
	derived, err := hkdf.Key(sha256.New, key, nil, "sellthrough webhook secrets", 32)
	if err != nil {
		return v, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return v, err
	}
	v.AEAD, err = cipher.NewGCMWithRandomNonce(block)
	return v, err
}

// NewSecret makes a secret for an endpoint: the text that its owner is told once,
// and the same sealed, to be kept.
func (v vault) NewSecret(endpointID string) (text, sealed string) {
	secret := make([]byte, secretLength)
	rand.Read(secret) // never fails
	encode := base64.StdEncoding.EncodeToString
	return secretPrefix + encode(secret), encode(v.Seal(nil, nil, secret, []byte(endpointID)))
}

// open is the secret that was sealed for the endpoint.
func (v vault) open(endpointID, sealed string) ([]byte, error) {
	bytes, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, ErrSealed
	}
	secret, err := v.Open(nil, nil, bytes, []byte(endpointID))
	if err != nil {
		return nil, ErrSealed
	}
	return secret, nil
}
