package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sellthrough/demo"
	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/models"
)

type demoCommand struct {
	Listen   string `default:"127.0.0.1:8080" help:"Address to serve on." placeholder:"HOST:PORT"`
	Reset    bool   `help:"Start over: erase the demo's database first, and no other."`
	watching `set:"log_level=WARN"`
	Guard    `set:"suggestions=true"`
}

// Run loads the demo market into the database, unless it is there, and serves
// it with a clock that starts inside its data.
func (d *demoCommand) Run(ctx context.Context, p *Program, c *commands) (err error) {
	if err := d.Guard.check(); err != nil {
		return err
	}
	c.Database = c.database(demoDatabase)
	logger := d.logger(p)
	if d.Reset {
		if err := eraseDemo(ctx, c.Database); err != nil {
			return err
		}
	}
	if err := c.loadDemo(ctx, p, logger); err != nil {
		return err
	}
	session, err := c.open(ctx, p, store.Options{Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.close(ctx)) }()
	site, err := c.site(ctx, p, session, d.Guard)
	if err != nil {
		return err
	}
	desks, err := session.desks(ctx)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/tokens", func(w http.ResponseWriter, _ *http.Request) {
		tokens, err := issue(desks, site)
		if err != nil {
			http.Error(w, "no tokens", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(tokens)
	})
	return p.serve(ctx, session, d.Listen, d.MetricsListen, site, mux, func(address string) {
		tokens, err := issue(desks, site)
		if err != nil {
			logger.ErrorContext(ctx, "tokens", "error", err)
		}
		p.welcome(address, c.Database, session.Now(), tokens)
	})
}

// eraseDemo removes what loadDemo made. A database that is not the demo's is
// refused, and nothing has changed then.
func eraseDemo(ctx context.Context, database string) error {
	if err := store.Erase(ctx, database, settingDemo); err != nil {
		return err
	}
	steps, err := demo.Story()
	for _, step := range steps {
		if step.File != "" {
			removed := os.Remove(rejectedOfDemo(database, step.File))
			if !errors.Is(removed, fs.ErrNotExist) {
				err = errors.Join(err, removed)
			}
		}
	}
	return err
}

// loadDemo tells the demo's story to an empty database, through the same jobs
// as any import, with the clock of the story. A load that was cut off begins
// again: what is there is a duplicate.
func (c *commands) loadDemo(ctx context.Context, p *Program, logger *slog.Logger) (err error) {
	database, err := store.Open(ctx, c.Database, store.Options{Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	steps, err := demo.Story()
	if err != nil {
		return err
	}
	loaded, err := beginDemo(ctx, database)
	if err != nil || loaded {
		return err
	}
	fmt.Fprintln(p.Stderr, "Loading the demo market into "+withoutPassword(c.Database))
	for _, step := range steps {
		m := market.New(database, func() time.Time { return step.At })
		if err := p.tell(ctx, m, step, c.Database); err != nil {
			return fmt.Errorf("demo, %s: %w", cmp.Or(step.File, "work"), err)
		}
	}
	// The clock goes on from the last step, and other commands on this database
	// see the same.
	offset := steps[len(steps)-1].At.Sub(p.Clock())
	return database.Write(ctx, models.System, func(w *store.Writer) error {
		return w.SetSetting(settingOffset, offset.String())
	})
}

// settingDemo marks a database that the demo is loaded into.
const settingDemo = "demo"

// beginDemo tells whether the demo is loaded. It refuses a database that holds
// another market.
func beginDemo(ctx context.Context, database *store.Store) (loaded bool, err error) {
	err = database.Write(ctx, models.System, func(w *store.Writer) error {
		_, begun, err := w.Setting(settingDemo)
		if err != nil {
			return err
		}
		if _, loaded, err = w.Setting(settingOffset); err != nil || begun {
			return err
		}
		publishers, err := w.Publishers(nil)
		if err == nil && len(publishers) > 0 {
			err = errors.New("the database holds a market already: name an empty one for the demo with --database")
		}
		return errors.Join(err, w.SetSetting(settingDemo, "1"))
	})
	return loaded, err
}

// tell takes one step of the story.
func (p *Program) tell(ctx context.Context, m *market.Market, step demo.Step, database string) error {
	if step.Work {
		_, err := m.Work(ctx)
		return err
	}
	file, err := demo.Files.Open(step.File)
	if err != nil {
		return err
	}
	defer file.Close()
	job := importJob{
		market: m, format: formats.Format(step.Format),
		rejectedPath: rejectedOfDemo(database, step.File),
		progress:     func(int) {}, warn: func(string) {},
	}
	kind, known := importKinds[step.Import]
	if !known {
		return fmt.Errorf("%q is no kind of file", step.Import)
	}
	done, err := kind(ctx, job, file)
	if err == nil {
		summary := importSummary{File: step.File, ImportCount: done}
		fmt.Fprintf(p.Stderr, "  %s  %s\n", step.At.Format(time.DateOnly), summary.sentence())
	}
	return err
}

// rejectedOfDemo is where the rejected records of one of the demo's files go:
// beside its database.
func rejectedOfDemo(database, file string) string {
	folder := "."
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok && path != ":memory:" {
		folder = filepath.Dir(strings.TrimPrefix(path, "//"))
	}
	return filepath.Join(folder, "sellthrough-demo."+file+".rejected.jsonl")
}

// withoutPassword is a database's URL fit to be shown.
func withoutPassword(database string) string {
	scheme, rest, found := strings.Cut(database, "://")
	if at := strings.LastIndexByte(rest, '@'); found && at >= 0 {
		return scheme + "://" + rest[at+1:]
	}
	return database
}

// desk is one whose work the demo shows.
type desk struct {
	viewer models.Viewer
	name   string
}

// desks are the publisher and the reseller with the most private offers, and
// those who see everything.
func (s *session) desks(ctx context.Context) ([]desk, error) {
	var publisher models.Publisher
	var reseller models.Reseller
	err := s.Store.Read(ctx, models.System, func(r *store.Reader) error {
		offers, _, err := r.PrivateOffers(store.OfferFilter{}, store.Page{})
		if err != nil {
			return err
		}
		publishers, resellers := map[string]int{}, map[string]int{}
		for i := range offers {
			publishers[offers[i].PublisherID]++
			for j := range offers[i].Resellers {
				resellers[offers[i].Resellers[j].ResellerTenantID]++
			}
		}
		foundPublishers, err := r.Publishers([]string{most(publishers)})
		if err != nil {
			return err
		}
		foundResellers, _, err := r.Resellers(store.ResellerFilter{IDs: []string{most(resellers)}}, store.Page{})
		if err != nil {
			return err
		}
		if len(foundPublishers) == 0 || len(foundResellers) == 0 {
			return errors.New("the demo's market is not complete: start with an empty database")
		}
		publisher, reseller = foundPublishers[0], foundResellers[0]
		return nil
	})
	const subject = "demo"
	return []desk{
		{models.Viewer{Role: models.RolePublisher, Organization: publisher.ID, Subject: subject}, publisher.Name},
		{models.Viewer{Role: models.RoleReseller, Organization: reseller.TenantID, Subject: subject}, reseller.Name},
		{models.Viewer{Role: models.RoleFinance, Subject: subject}, "Finance"},
		{models.Viewer{Role: models.RoleOperator, Subject: subject}, "Operator"},
	}, err
}

// most is the name that was counted most, the first of equals.
func most(counts map[string]int) string {
	var best string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > counts[best] {
			best = name
		}
	}
	return best
}

// demoToken is what the playground offers to sign in with.
type demoToken struct {
	Role         models.Role `json:"role"`
	Organization string      `json:"organization"`
	Name         string      `json:"name"`
	Token        string      `json:"token"`
}

const demoTokenLifetime = 30 * 24 * time.Hour

func issue(desks []desk, site Site) ([]demoToken, error) {
	tokens := make([]demoToken, len(desks))
	for i, d := range desks {
		token, err := site.Tokens.Issue(d.viewer, demoTokenLifetime, site.Clock())
		if err != nil {
			return nil, err
		}
		tokens[i] = demoToken{d.viewer.Role, d.viewer.Organization, d.name, token}
	}
	return tokens, nil
}

// welcome prints what there is to see, and how.
func (p *Program) welcome(address, database string, now time.Time, tokens []demoToken) {
	out := p.Stdout
	fmt.Fprintf(out, "\nThe demo market in %s; its clock shows %s.\n\n", withoutPassword(database), now.Format(time.RFC3339))
	fmt.Fprintf(out, "  GraphQL     http://%s/graphql\n  Playground  http://%s/playground\n  Schema      http://%s/schema.graphql\n\nTokens:\n\n", address, address, address)
	for _, t := range tokens {
		who := string(t.Role) + ", " + t.Name
		if t.Organization != "" {
			who += " (" + t.Organization + ")"
		}
		fmt.Fprintf(out, "  %s\n  %s\n\n", who, t.Token)
	}
	for _, t := range tokens {
		if t.Role == models.RoleFinance {
			fmt.Fprintf(out, "What the month comes to, by publisher:\n\n  curl -s http://%s/graphql -H 'Authorization: Bearer %s' \\\n    -H 'Content-Type: application/json' \\\n    -d '{\"query\":\"%s\"}'\n\n",
				address, t.Token, strings.ReplaceAll(fmt.Sprintf(demoQuery, models.MonthOf(now)), `"`, `\"`))
		}
	}
	fmt.Fprintf(out, "Other commands on it: %s\nStop with Ctrl-C.\n", otherCommand(database))
}

// otherCommand shows how to run another command on the database. A URL that
// names its user may hold a password, which is shown to nobody.
func otherCommand(database string) string {
	if withoutPassword(database) != database {
		return "put its URL into " + environmentPrefix + "DATABASE, then sellthrough verify"
	}
	return "sellthrough verify --database '" + database + "'"
}

const demoQuery = `{ billingSummary(month: "%s", groupBy: [PUBLISHER]) { nodes { publisherId listSubtotal { amount currencyCode } wholesaleSubtotal { amount } agencyFee { amount } payout { amount } } } }`
