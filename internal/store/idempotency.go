package store

import (
	"errors"
	"time"

	"gorm.io/gorm"

	"sellthrough/models"
)

// keptAnswer is what was answered to a change that came with a key. A key
// belongs to a role and an organisation: others may use the same.
type keptAnswer struct {
	Role           models.Role   `gorm:"column:role;primaryKey"`
	Organization   string        `gorm:"column:organization;primaryKey"`
	IdempotencyKey string        `gorm:"column:idempotency_key;primaryKey"`
	Digest         models.Digest `gorm:"column:digest"`
	Answer         string        `gorm:"column:answer"`
	CreatedAt      time.Time     `gorm:"column:created_at;autoCreateTime:false"`
}

// KeptAnswer is the JSON that was answered under the viewer's key, and the
// digest of what was asked. ErrNotFound: the key is free.
func (w *Writer) KeptAnswer(key string) (models.Digest, []byte, error) {
	// Operators see every row, and yet have keys of their own.
	kept, err := one[keptAnswer](w.Reader, "idempotency_keys", w.from("idempotency_keys").
		Where("role = ? AND organization = ? AND idempotency_key = ?", w.viewer.Role, w.viewer.Organization, key))
	if err != nil {
		return models.Digest{}, nil, err
	}
	return kept.Digest, []byte(kept.Answer), nil
}

// KeepAnswer keeps what is answered under the viewer's key, with the change that
// it answers. ErrDuplicate: somebody else did in between, and Write tries again.
func (w *Writer) KeepAnswer(key string, digest models.Digest, answer []byte, now time.Time) error {
	return wrap(w.db.Table("idempotency_keys").Create(&keptAnswer{
		w.viewer.Role, w.viewer.Organization, key, digest, string(answer), now,
	}).Error)
}

// AnswersBefore tells whether answers older than an instant, exclusive, are kept.
func (r *Reader) AnswersBefore(at time.Time) (bool, error) {
	_, err := one[keptAnswer](r, "idempotency_keys", r.answersBefore(at))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (r *Reader) answersBefore(at time.Time) *gorm.DB {
	return r.from("idempotency_keys").Select("created_at").Where("created_at < ?", at)
}

// forgottenAtOnce bounds what ForgetAnswers deletes, and so how long it locks.
const forgottenAtOnce = 1_000

// ForgetAnswers deletes the oldest thousand of the answers older than an instant,
// exclusive, with those of the same microsecond, and tells whether there may be
// more.
func (w *Writer) ForgetAnswers(before time.Time) (more bool, err error) {
	// A DELETE with a LIMIT is not understood everywhere: the thousandth says
	// from where on to keep.
	last, err := one[keptAnswer](w.Reader, "idempotency_keys", w.answersBefore(before).Order("created_at").Offset(forgottenAtOnce-1))
	switch {
	case err == nil:
		before, more = last.CreatedAt.Add(time.Microsecond), true
	case !errors.Is(err, ErrNotFound):
		return false, err
	}
	return more, wrap(w.from("idempotency_keys").Where("created_at < ?", before).Delete(nil).Error)
}
