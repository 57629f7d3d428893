package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// A key belongs to a role and an organisation, and holds one answer.
func TestKeptAnswers(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		ctx := context.Background()
		keep := func(viewer models.Viewer, key, answer string) error {
			return s.Write(ctx, viewer, func(w *store.Writer) error {
				return w.KeepAnswer(key, models.Digest{byte(len(viewer.Organization))}, []byte(answer), now)
			})
		}
		viewers := []models.Viewer{publisher1, publisher2, viewerA, viewerB, finance, models.System}
		for _, viewer := range viewers {
			fails(t, "keep", keep(viewer, "k", string(viewer.Role)+viewer.Organization+` "ä€😀"`), nil)
		}
		for _, viewer := range viewers {
			fails(t, "keep again", keep(viewer, "k", "other"), store.ErrDuplicate)
			fails(t, "other letters", keep(viewer, "K", "other"), nil)
			err := s.Write(ctx, viewer, func(w *store.Writer) error {
				digest, answer, err := w.KeptAnswer("k")
				equal(t, "answer", string(answer), string(viewer.Role)+viewer.Organization+` "ä€😀"`)
				equal(t, "digest", digest, models.Digest{byte(len(viewer.Organization))})
				if _, _, err := w.KeptAnswer("free"); err != store.ErrNotFound {
					t.Errorf("a free key: %v", err)
				}
				return err
			})
			fails(t, "read", err, nil)
		}
	})
}

// Old answers go a thousand at a time, the oldest first.
func TestForgetAnswers(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		const n = 2_500
		write(t, s, func(w *store.Writer) error {
			for i := range n {
				if err := w.KeepAnswer(fmt.Sprint(i), models.Digest{}, []byte("{}"), now.Add(time.Duration(i)*time.Microsecond)); err != nil {
					return err
				}
			}
			return nil
		})
		end := now.Add((n - 1) * time.Microsecond) // all but the last
		for _, want := range []struct {
			left int
			more bool
		}{{1_500, true}, {500, true}, {1, false}, {1, false}} {
			write(t, s, func(w *store.Writer) error {
				more, err := w.ForgetAnswers(end)
				equal(t, "more", more, want.more)
				return err
			})
			equal(t, "left", store.Count(t, s, "idempotency_keys"), want.left)
			read(t, s, models.System, func(r *store.Reader) {
				equal(t, "there are older ones", must[bool](t)(r.AnswersBefore(end)), want.left > 1)
			})
		}
	})
}
