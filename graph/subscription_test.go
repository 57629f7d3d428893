package graph_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/door"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// Everybody who follows hears of its own offers, all of it in order, and of no
// other's, whatever it asks for; resellers hear nothing. The catalogue, and drafts
// that come and go, are nobody's news.
func TestNobodyHearsOfAnothersOffer(t *testing.T) {
	s := newStage(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	var catalogue strings.Builder
	const partner = "11111111-1111-4111-8111-111111111111"
	for _, publisher := range []string{"contoso", "fabrikam"} {
		fmt.Fprintf(&catalogue, `{"kind":"publisher","id":%q,"name":"P","country":"US","payoutCurrency":"USD"}`+"\n", publisher)
		fmt.Fprintf(&catalogue, `{"kind":"product","id":"of-%s","publisherId":%q,"title":"P","type":"SAAS","published":true,"public":true,"transactable":true,"cspOptIn":"NONE"}`+"\n", publisher, publisher)
	}
	fmt.Fprintf(&catalogue, `{"kind":"reseller","tenantId":%q,"name":"R","type":"DIRECT_BILL","country":"US","billingCurrency":"USD"}`+"\n", partner)
	s.importFile("catalogue", catalogue.String())

	began, closing := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(door.New(s.market, door.Options{
		Identifier: s.identity(), Clock: func() time.Time { return s.now }, Logger: slog.New(slog.DiscardHandler), Closing: closing,
		Stream: func(kind string) func() {
			if kind == "subscription" {
				began <- struct{}{}
			}
			return func() {}
		},
	}))
	defer server.Close()
	ctx, stop := context.WithCancel(t.Context())
	ticks := make(chan time.Time)
	var following sync.WaitGroup
	following.Go(func() { s.market.Changes.Run(ctx, ticks, slog.New(slog.DiscardHandler)) })
	following.Go(func() {
		for ctx.Err() == nil {
			select {
			case ticks <- time.Time{}:
			case <-ctx.Done():
			}
		}
	})
	defer following.Wait()
	defer stop()

	follow := func(viewer models.Viewer, arguments string) *bufio.Reader {
		t.Helper()
		document := `subscription { privateOfferStatusChanged` + arguments + ` { cursor event { type subject } statusAfter privateOffer { name pricing { productId } resellers { tenantId } } } }`
		body, _ := json.Marshal(map[string]any{"query": document})
		request, err := http.NewRequest("POST", server.URL, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.tokens.Issue(viewer, time.Hour, s.now)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Authorization": {"Bearer " + token}}
		answer, err := server.Client().Do(request)
		if err != nil || answer.StatusCode != 200 {
			t.Fatal(answer, err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return bufio.NewReader(answer.Body)
	}
	next := func(stream *bufio.Reader) string {
		for {
			line, err := stream.ReadString('\n')
			if data, ok := strings.CutPrefix(line, "data: "); ok || err != nil {
				return strings.TrimSpace(data)
			}
		}
	}
	for _, role := range []models.Viewer{reseller, {Role: models.RoleReseller, Organization: partner}} {
		if got := next(follow(role, "")); !strings.Contains(got, `"FORBIDDEN"`) {
			t.Errorf("a reseller gets %s", got)
		}
	}
	newcomer := models.Viewer{Role: models.RolePublisher, Organization: "newcomer"}
	streams := map[string]*bufio.Reader{
		"contoso": follow(contoso, ""), "fabrikam": follow(fabrikam, ""), "finance": follow(finance, ""), "operator": follow(operator, ""),
		"the operator, of fabrikam": follow(operator, `(publisherId: "publisher/fabrikam")`),
	}
	silent := map[string]*bufio.Reader{
		"newcomer": follow(newcomer, ""), "contoso, of fabrikam": follow(contoso, `(publisherId: "fabrikam")`), "an operator, of nobody": follow(operator, `(publisherId: "nobody")`),
		"an operator, of no offer": follow(operator, `(privateOfferId: "private-offer/none")`),
	}
	ids := map[string]string{}
	create := func(viewer models.Viewer, name string) string {
		publisher := viewer.Organization
		answer := s.ask(viewer, `mutation { createPrivateOffer(input: {name: "`+name+`", endMonth: "2024-12", pricing: [{scope: {productId: "of-`+publisher+`"}, margin: {percentage: "10"}}], resellers: [{tenantId: "`+partner+`"}]}) { privateOffer { privateOfferId } userErrors { code } } }`, "")
		return dig(t, essence(answer), "createPrivateOffer.privateOffer.privateOfferId")
	}
	for _, viewer := range []models.Viewer{contoso, fabrikam} {
		ids[viewer.Organization] = create(viewer, "Secret of "+viewer.Organization)
	}
	silent["contoso, of fabrikam's offer"] = follow(contoso, `(privateOfferId: "`+ids["fabrikam"]+`")`)
	for range len(streams) + len(silent) {
		<-began
	}
	for _, viewer := range []models.Viewer{contoso, fabrikam, contoso, fabrikam} {
		gone := create(viewer, "Gone")
		s.ask(viewer, `mutation { deletePrivateOffer(input: {id: "`+gone+`", version: 1}) { userErrors { code } } }`, "")
	}
	for _, viewer := range []models.Viewer{contoso, fabrikam} {
		s.ask(viewer, `mutation { submitPrivateOffer(input: {id: "`+ids[viewer.Organization]+`"}) { userErrors { code } } }`, "")
	}
	if _, err := s.market.Work(ctx); err != nil {
		t.Fatal(err)
	}
	for _, viewer := range []models.Viewer{fabrikam, contoso} {
		s.ask(viewer, `mutation { withdrawPrivateOffer(input: {id: "`+ids[viewer.Organization]+`"}) { userErrors { code } } }`, "")
	}
	life := "SUBMITTED AUTHORIZED PUBLISHED LIVE WITHDRAWN WITHDRAWN"
	for name, stream := range streams {
		sees := []string{"contoso", "fabrikam"}
		for _, publisher := range []string{"contoso", "fabrikam"} {
			if strings.HasSuffix(name, publisher) {
				sees = []string{publisher}
			}
		}
		told := map[string][]string{}
		for range len(sees) * len(strings.Fields(life)) {
			text := next(stream)
			publisher := sees[0]
			if !strings.Contains(text, `"name":"Secret of `+publisher+`"`) {
				publisher = sees[len(sees)-1]
			}
			if !strings.Contains(text, `"name":"Secret of `+publisher+`","pricing":[{"productId":"of-`+publisher+`"}]`) {
				t.Errorf("%s is told %s", name, text)
			}
			told[publisher] = append(told[publisher], dig(t, essence([]byte(text)), "privateOfferStatusChanged.event.type"))
		}
		for _, publisher := range sees {
			if got := strings.Join(told[publisher], " "); got != life {
				t.Errorf("%s is told of %s: %s", name, publisher, got)
			}
		}
	}
	close(closing)
	for name, stream := range streams {
		silent[name+", in the end"] = stream
	}
	for name, stream := range silent {
		if rest, _ := io.ReadAll(stream); strings.Contains(string(rest), "data") {
			t.Errorf("%s is told %s", name, rest)
		}
	}
}
