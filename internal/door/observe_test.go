package door_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sellthrough/internal/auth"
	"sellthrough/internal/door"
	"sellthrough/internal/market"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

var (
	now      = time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)
	operator = models.Viewer{Role: models.RoleOperator, Subject: "ada"}
	reseller = models.Viewer{Role: models.RoleReseller, Organization: "tenant-1", Subject: "bob"}
)

// people is an Identifier of those who sign in with their subject.
type people map[string]models.Viewer

func (p people) Viewer(_ context.Context, credential string, _ time.Time) (models.Viewer, error) {
	if viewer, ok := p[credential]; ok {
		return viewer, nil
	}
	if credential == "broken" {
		return models.Viewer{}, errors.New("secret of the database")
	}
	return models.Viewer{}, fmt.Errorf("%w: nobody has it", auth.ErrToken)
}

var everybody = people{operator.Subject: operator, reseller.Subject: reseller}

// open returns a market without anything in it, and the options of a door to it.
func open(t testing.TB) (*market.Market, door.Options) {
	m := market.New(storetest.Open(t, storetest.Database(t, "sqlite")), func() time.Time { return now })
	return m, door.Options{
		Identifier: everybody, Clock: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

func TestObservation(t *testing.T) {
	m, options := open(t)
	var seen []door.Observation
	options.Observe = func(ctx context.Context, o door.Observation) {
		if got := auth.ViewerFrom(ctx); got != o.Viewer {
			t.Errorf("the context's viewer is %v, not %v", got, o.Viewer)
		}
		seen = append(seen, o)
	}
	began := now
	options.Clock = func() time.Time { began = began.Add(time.Second); return began }
	handler := door.New(m, options)
	const doubled = `query Q { ...f0 } fragment f0 on Query { ...f1 ...f1 viewer { role } } fragment f1 on Query { again: viewer { role } products { totalCount } }`
	for _, c := range []struct {
		name, credential, body string
		want                   door.Observation
	}{
		{"a query", "ada", `{"query":"{ products(first: 10) { nodes { title } } }"}`, door.Observation{
			Viewer: operator, Status: 200, OperationType: "query", RootFields: []string{"products"}, Cost: 11,
		}},
		{"fragments", "ada", `{"query":"` + doubled + `","operationName":"Q"}`, door.Observation{
			Viewer: operator, Status: 200, OperationName: "Q", OperationType: "query", RootFields: []string{"viewer", "products"}, Cost: 5,
		}},
		{"a refusal", "bob", `{"query":"{ customers { totalCount } payouts(month: \"2024-08\") { totalCount } }"}`, door.Observation{
			Viewer: reseller, Status: 200, OperationType: "query", RootFields: []string{"customers", "payouts"}, Codes: []string{"FORBIDDEN"},
		}},
		{"no document", "bob", `{"query":"{"}`, door.Observation{Viewer: reseller, Status: 200, Codes: []string{"GRAPHQL_PARSE_FAILED"}}},
		{"no request", "bob", `x`, door.Observation{Viewer: reseller, Status: 400, Codes: []string{"BAD_REQUEST"}}},
		{"nobody", "eve", `{"query":"{ __typename }"}`, door.Observation{Status: 401, Codes: []string{"UNAUTHENTICATED"}}},
		{"a fault", "broken", `{"query":"{ __typename }"}`, door.Observation{Status: 500, Codes: []string{"INTERNAL"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen = nil
			request := httptest.NewRequest("POST", "/graphql", strings.NewReader(c.body))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+c.credential)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if len(seen) != 1 {
				t.Fatalf("it is observed %d times", len(seen))
			}
			got, want := seen[0], c.want
			if asked := strings.Contains(c.body, "query") && got.Status == 200; (len(got.DocumentHash) == 64) != asked {
				t.Errorf("the document's hash is %q", got.DocumentHash)
			}
			if got.Duration < time.Second {
				t.Errorf("it took %v", got.Duration)
			}
			if c.name == "a refusal" { // what it would have cost is not the point
				want.Cost = got.Cost
			}
			want.RequestID, want.DocumentHash, want.Duration = answer.Header().Get("X-Request-Id"), got.DocumentHash, got.Duration
			want.Method, want.ResponseBytes = "POST", answer.Body.Len()
			if got.Status != 401 && got.Status != 500 {
				want.RequestBytes = len(c.body)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(answer.Body.String(), "secret") {
				t.Errorf("the answer tells: %s", answer.Body)
			}
		})
	}
}

func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}
