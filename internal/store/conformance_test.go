package store_test

import (
	"context"
	"testing"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
)

func TestOpen(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		v, err := s.Version(context.Background())
		if err != nil || v != 3 {
			t.Fatal(v, err)
		}
	})
}
