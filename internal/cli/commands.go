package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/webhook"
	"sellthrough/models"
)

type workCommand struct{ mailing }

// Run does what is due and says what that was.
func (k *workCommand) Run(ctx context.Context, p *Program, c *commands) error {
	senders, err := k.senders()
	if err != nil {
		return err
	}
	return c.with(ctx, p, existing, func(s *session) error {
		s.Send = senders
		if err := c.webhooks(ctx, p, s); err != nil {
			return err
		}
		done, err := s.Work(ctx)
		if err == nil {
			_, err = fmt.Fprintf(p.Stdout, "%d resellers authorised, %d published, %d failed; %d offers went live, %d ended\n",
				done.Authorized, done.Published, done.Failed, done.Live, done.Ended)
		}
		if err != nil {
			return err
		}
		sent, err := s.Deliver(ctx)
		if err == nil && sent != (market.Delivered{}) {
			_, err = fmt.Fprintf(p.Stdout, "%d notifications delivered, %d failed and tried again later, %d given up\n", sent.Delivered, sent.Failed, sent.Dead)
		}
		return err
	})
}

type tokenCommand struct {
	Role         string        `required:"" help:"PUBLISHER, RESELLER, FINANCE or OPERATOR."`
	Organization string        `help:"The publisher's id, or the reseller's tenant id." placeholder:"ID"`
	Lifetime     time.Duration `default:"12h" help:"How long the token is good."`
}

// Run prints a token for the viewer.
func (t *tokenCommand) Run(ctx context.Context, p *Program, c *commands) error {
	viewer := models.Viewer{Role: models.Role(strings.ToUpper(t.Role)), Organization: t.Organization, Subject: "command line"}
	if !slices.Contains(models.Roles, viewer.Role) {
		return fmt.Errorf("--role %q is none: choose PUBLISHER, RESELLER, FINANCE or OPERATOR", t.Role)
	}
	viewer.Organization = lowerGUID(viewer.Organization)
	return c.with(ctx, p, existing, func(s *session) error {
		if err := s.admits(ctx, viewer); err != nil {
			return err
		}
		tokens, err := c.tokens(ctx, s)
		if err != nil {
			return err
		}
		token, err := tokens.Issue(viewer, t.Lifetime, p.Clock())
		if err == nil {
			_, err = fmt.Fprintln(p.Stdout, token)
		}
		return err
	})
}

// admits refuses to make a token for an organisation that does not exist: it
// would see an empty market and no fault.
func (s *session) admits(ctx context.Context, viewer models.Viewer) error {
	switch {
	case viewer.Organization == "" || viewer.Role != models.RolePublisher && viewer.Role != models.RoleReseller:
		return nil // the token itself says what it needs
	case viewer.Role == models.RoleReseller && !models.IsGUID(viewer.Organization):
		return fmt.Errorf("--organization %q is no tenant id: write the reseller's GUID, such as 34771906-9711-4196-9f60-4af380fd5042", viewer.Organization)
	}
	known, err := s.knows(ctx, viewer.Role, viewer.Organization)
	if err == nil && !known {
		err = fmt.Errorf("--organization %q is no %s of this database", viewer.Organization, strings.ToLower(string(viewer.Role)))
	}
	return err
}

// lowerGUID lowers an id in the form of a GUID, as files are read: programs
// write them in either case.
func lowerGUID(id string) string {
	if models.IsGUID(id) {
		return strings.ToLower(id)
	}
	return id
}

// knows tells whether the database has the publisher or the reseller.
func (s *session) knows(ctx context.Context, role models.Role, organization string) (known bool, err error) {
	err = s.Store.Read(ctx, models.System, func(r *store.Reader) error {
		if role == models.RolePublisher {
			publishers, err := r.Publishers([]string{organization})
			known = len(publishers) > 0
			return err
		}
		resellers, _, err := r.Resellers(store.ResellerFilter{IDs: []string{organization}}, store.Page{})
		known = len(resellers) > 0
		return err
	})
	return known, err
}

// tokens signs with the key that is configured, or with that of the database.
func (c *commands) tokens(ctx context.Context, s *session) (*auth.Tokens, error) {
	key, err := s.key(ctx, c.SigningKey, settingKey)
	if err != nil {
		return nil, err
	}
	return auth.NewTokens(key)
}

// webhooks lets the session send to the programs of publishers, with their secrets
// sealed by the key that is configured, or by that of the database.
func (c *commands) webhooks(ctx context.Context, p *Program, s *session) error {
	key, err := s.key(ctx, c.WebhookKey, settingSeal)
	if err != nil {
		return err
	}
	s.Webhooks, err = webhook.New(webhook.Options{Key: key, Allow: c.WebhookAllow, Agent: "Sellthrough-Webhooks/" + p.Version})
	if s.Send == nil {
		s.Send = map[models.Channel]market.Send{}
	}
	s.Send[models.ChannelWebhook] = s.SendWebhook
	return err
}

// key is the one that is configured, or that of the database, which is made when
// it is first needed.
func (s *session) key(ctx context.Context, configured, setting string) ([]byte, error) {
	if configured != "" {
		return []byte(configured), nil
	}
	var key string
	err := s.Store.Write(ctx, models.System, func(w *store.Writer) (err error) {
		key, err = w.SettingOrSet(setting, func() string {
			bytes := make([]byte, max(auth.MinKeyLength, webhook.MinKeyLength))
			rand.Read(bytes) // never fails
			return hex.EncodeToString(bytes)
		})
		return err
	})
	return []byte(key), err
}

type migrateCommand struct{}

// Run migrates and says from where to where.
func (*migrateCommand) Run(ctx context.Context, p *Program, c *commands) error {
	from, to, err := store.Migrate(ctx, c.database(defaultDatabase), store.Options{})
	if err == nil {
		_, err = fmt.Fprintf(p.Stdout, "schema version %d, was %d\n", to, from)
	}
	return err
}

type verifyCommand struct{}

// Run prints every difference and a summary.
func (*verifyCommand) Run(ctx context.Context, p *Program, c *commands) error {
	return c.with(ctx, p, existing, func(s *session) error {
		sum, err := s.Verify(ctx, func(difference string) { fmt.Fprintln(p.Stdout, difference) })
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.Stdout, "%d subscriptions with %d purchases, %d usage records in %d buckets, %d lines in %d months (%d facts cannot be rated): %d differences\n",
			sum.Subscriptions, sum.Purchases, sum.UsageRecords, sum.Buckets, sum.Lines, sum.Months, sum.Unrated, sum.Differences)
		if err == nil && sum.Unrated > 0 {
			err = s.noteUnrated(ctx, p.Stdout, sum.Unrated)
		}
		if err == nil && sum.Differences > 0 {
			return status(StatusFindings)
		}
		return err
	})
}

// noteUnrated names the first facts that cannot be rated: nothing differs, but
// the reports of their months wait for them (D20).
func (s *session) noteUnrated(ctx context.Context, out io.Writer, all int) error {
	var months []models.Month
	err := s.Store.Read(ctx, models.System, func(r *store.Reader) (err error) {
		months, err = r.Months()
		return err
	})
	if err != nil {
		return err
	}
	const most = 5
	named := 0
	for _, month := range months {
		if named == most {
			break
		}
		facts, err := s.UnratedFacts(ctx, models.System, month)
		if err != nil {
			return err
		}
		for _, fact := range facts[:min(len(facts), most-named)] {
			named++
			fmt.Fprintf(out, "note: cannot be rated: %s, subscription %s: %s (%s)\n", fact.Month, fact.SubscriptionID, fact.Message, fact.Code)
		}
	}
	if all > named {
		fmt.Fprintf(out, "note: and %d more\n", all-named)
	}
	return nil
}

type versionCommand struct{}

// Run prints the version.
func (*versionCommand) Run(p *Program) error {
	_, err := fmt.Fprintln(p.Stdout, "sellthrough "+cmp.Or(p.Version, "unknown"))
	return err
}
