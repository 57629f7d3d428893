package door

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/graph"
	"sellthrough/internal/throttle"
	"sellthrough/models"
)

// refusal is why a request never becomes GraphQL.
type refusal struct {
	status        int
	code, message string
	// wait is how long to wait before the request is sent again, 0 where that would
	// not help.
	wait time.Duration
	// cost, where it is set, is reported as the answer's extensions.cost.
	cost *allowedCost
}

func refuse(status int, code, message string) *refusal {
	return &refusal{status: status, code: code, message: message}
}

func badRequest(problems ...string) *refusal {
	return refuse(http.StatusBadRequest, "BAD_REQUEST", strings.Join(problems, "; "))
}

func unauthenticated(message string) *refusal {
	return refuse(http.StatusUnauthorized, "UNAUTHENTICATED", message)
}

// answer is the refusal as GraphQL says it, and its headers.
func (r *refusal) answer(header http.Header) (status int, response *graphql.Response) {
	extensions := map[string]any{}
	if r.wait > 0 {
		seconds := int(math.Ceil(r.wait.Seconds()))
		header.Set("Retry-After", strconv.Itoa(seconds))
		extensions["retryAfterSeconds"] = seconds
	}
	if r.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	response = &graphql.Response{Errors: gqlerror.List{graph.Fault(r.code, r.message, extensions)}}
	if r.cost != nil {
		response.Extensions = map[string]any{"cost": r.cost}
	}
	return r.status, response
}

// askingCharge is what each request takes from an allowance, whatever becomes of
// it; a further one for bytesCharge bytes of its body. refusedCharge is what is
// taken beside for an operation that was parsed and refused, which costs nothing
// by its own reckoning.
const (
	askingCharge  = 10
	bytesCharge   = 64
	refusedCharge = 500
)

// purse is the allowance of who asks, for one request.
type purse struct {
	allowances *throttle.Throttle // nil where nothing is throttled
	who        throttle.Identity
	clock      func() time.Time
	header     http.Header
	last       throttle.Allowance
	taken      int // for this request
}

// allowedCost is extensions.cost where requests are throttled.
type allowedCost struct {
	graph.Cost
	// Available is the cost that the asker has left, RestoreRate what it gets back
	// in a second.
	Available   int `json:"available"`
	RestoreRate int `json:"restoreRate"`
}

// take takes a charge, or says how long to wait for it.
func (p *purse) take(charge int, cost graph.Cost) *refusal {
	if p.allowances == nil {
		return nil
	}
	if p.last.Burst > 0 {
		// A request that costs more than can be saved up takes all of it: what was
		// taken for asking counts, or it could never be answered.
		charge = max(0, min(charge, p.last.Burst-p.taken))
	}
	p.last = p.allowances.Take(p.who, charge, p.clock())
	p.taken += min(charge, p.last.Burst)
	p.header.Set("RateLimit-Policy", fmt.Sprintf(`"cost";q=%d;w=%d`, p.last.Burst, max(1, p.last.Burst/p.last.Restore)))
	p.header.Set("RateLimit", fmt.Sprintf(`"cost";r=%d;t=%d`, p.last.Available, (p.last.Burst-p.last.Available+p.last.Restore-1)/p.last.Restore))
	if p.last.Wait == 0 {
		return nil
	}
	refused := refuse(http.StatusTooManyRequests, "THROTTLED", "your allowance is used up: wait, or ask for less")
	refused.wait = p.last.Wait
	refused.cost = &allowedCost{cost, p.last.Available, p.last.Restore}
	return refused
}

// owe takes a charge for what is answered already: whoever has less left has
// nothing left.
func (p *purse) owe(charge int) {
	if p.allowances != nil {
		p.last = p.allowances.Take(p.who, min(charge, p.last.Available), p.clock())
	}
}

// enter waits for a turn within the request's time.
func (p *purse) enter(ctx context.Context) (leave func(), refused *refusal) {
	if p.allowances == nil {
		return func() {}, nil
	}
	leave, err := p.allowances.Enter(ctx, p.who)
	if err == nil {
		return leave, nil
	}
	message := "the server is busy with other requests: try again"
	if !errors.Is(err, throttle.ErrFull) {
		message = "there was no turn for the request within its time: send fewer at once"
	}
	refused = refuse(http.StatusServiceUnavailable, "OVERLOADED", message)
	refused.wait = time.Second
	return nil, refused
}

// report adds what is left to the answer's cost.
func (p *purse) report(response *graphql.Response) {
	if cost, ok := response.Extensions["cost"].(graph.Cost); ok && p.allowances != nil {
		response.Extensions["cost"] = allowedCost{cost, p.last.Available, p.last.Restore}
	}
}

// purse is the allowance of the viewer. What is left of it is told in header.
func (d *door) purse(viewer models.Viewer, r *http.Request, header http.Header) *purse {
	return &purse{allowances: d.allowances, who: d.identity(viewer, r), clock: d.options.Clock, header: header}
}

// afford takes a charge, and waits for it as long as it takes: who has spent its
// allowance is told things later. It returns false where the context ended first.
func (p *purse) afford(ctx context.Context, charge int) bool {
	for {
		next := purse{allowances: p.allowances, who: p.who, clock: p.clock, header: p.header}
		refused := next.take(charge, graph.Cost{})
		if p.last = next.last; refused == nil {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(refused.wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// identity is who shares an allowance: each viewer, all API keys of one role and
// organisation, and each address of those who are not signed in.
func (d *door) identity(viewer models.Viewer, r *http.Request) throttle.Identity {
	if viewer.Valid() {
		subject := viewer.Subject
		if viewer.SignIn == models.SignInAPIKey {
			subject = "" // keys are made by whoever asks: each more would be an allowance more
		}
		return throttle.Identity{Name: string(viewer.Role) + "\x00" + viewer.Organization + "\x00" + subject}
	}
	return throttle.Identity{Name: client(r, d.options.Proxies), Stranger: true}
}

// guessing is how many credentials that are not good an address may send.
var guessing = throttle.Options{Restore: 1, Burst: 60, Identities: 20_000}

// knownCredentials is how many that were good lately are remembered.
const knownCredentials = 10_000

// guessed charges the address for a credential that was not good, and refuses to
// look at further ones once there were too many. What was good lately is looked at
// all the same: who shares an address with a guesser goes on.
func (d *door) guessed(r *http.Request, credential [sha256.Size]byte, charge int) *refusal {
	if d.guesses == nil {
		return nil
	}
	if _, good := d.known.Get(credential); good {
		return nil
	}
	left := d.guesses.Take(throttle.Identity{Name: client(r, d.options.Proxies)}, charge, d.options.Clock())
	if charge > 0 || left.Available > 0 {
		return nil
	}
	refused := refuse(http.StatusTooManyRequests, "THROTTLED", "too many tokens from this address were not valid: wait before you send another")
	refused.wait = time.Second / time.Duration(guessing.Restore)
	return refused
}
