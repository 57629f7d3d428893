package models_test

import (
	"strings"
	"testing"
	"time"

	"sellthrough/models"
)

func date(t testing.TB, s string) models.Date {
	t.Helper()
	d, err := models.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func month(t testing.TB, s string) models.Month {
	t.Helper()
	m, err := models.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := models.ParseInstant(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A charge cycle ends the day before the same day of the next month; a short
// month takes its last day, and the anchor comes back after it (D15, rules 5.1).
func TestD15_ChargeCyclesKeepTheirAnchor(t *testing.T) {
	for _, c := range []struct {
		bought string
		months int
		end    string // of the cycle before
	}{
		{"2022-02-21", 1, "2022-03-20"}, // the vendor's example
		{"2022-01-31", 1, "2022-02-27"}, // "Jan 31 -> Feb 27"
		{"2022-05-31", 1, "2022-06-29"}, // "May 31 -> Jun 29"
		{"2022-01-31", 2, "2022-03-30"}, // March has its 31st again
		{"2022-01-31", 3, "2022-04-29"},
		{"2022-01-31", 12, "2023-01-30"},
		{"2024-01-31", 1, "2024-02-28"}, // leap year
		{"2024-02-29", 12, "2025-02-27"},
		{"2024-02-29", 48, "2028-02-28"},
		{"2022-01-30", 1, "2022-02-27"},
		{"2022-01-28", 1, "2022-02-27"},
		{"2022-12-15", 1, "2023-01-14"},
		{"2022-03-31", 36, "2025-03-30"},
	} {
		if got := date(t, c.bought).AddMonths(c.months) - 1; got != date(t, c.end) {
			t.Errorf("cycle of %s ends %s after %d months, want %s", c.bought, got, c.months, c.end)
		}
	}
	if d := date(t, "2022-03-31"); d.AddMonths(0) != d || d.AddMonths(-1) != date(t, "2022-02-28") {
		t.Error("AddMonths(0) moves the day, or -1 misses the end of February")
	}
}

func TestMonth(t *testing.T) {
	m := month(t, "2024-02")
	for what, got := range map[string][2]string{
		"first day": {m.FirstDay().String(), "2024-02-01"},
		"last day":  {m.LastDay().String(), "2024-02-29"},
		"start":     {m.Start().Format(time.RFC3339), "2024-02-01T00:00:00Z"},
		"end":       {m.End().Format(time.RFC3339), "2024-03-01T00:00:00Z"}, // half-open (D4)
		"next":      {(m + 11).String(), "2025-01"},
		"none":      {models.Month(0).String(), ""},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %s, want %s", what, got[0], got[1])
		}
	}
	// One instant decides the month: UTC (D15).
	tokyo := time.FixedZone("JST", 9*3600)
	if got := models.MonthOf(time.Date(2024, 3, 1, 8, 59, 59, 0, tokyo)); got != m {
		t.Errorf("the last hour of February in UTC is %s", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "2024", "2024-13", "2024-00", "2024-1", "24-01", "2024-01-01", "1899-12", "+024-01", "2024/01", "２０２４-01", "2024-0x", " 2024-01"} {
		if m, err := models.ParseMonth(s); err == nil {
			t.Errorf("month %q is read as %s", s, m)
		}
	}
	for _, s := range []string{"", "2023-02-29", "2024-04-31", "2024-00-01", "2024-1-1", "01.02.2024", "2024-01-01T00:00:00Z", "2024-01-01 "} {
		if d, err := models.ParseDate(s); err == nil {
			t.Errorf("day %q is read as %s", s, d)
		}
	}
	for _, s := range []string{"", "now", "2024-02-30T00:00:00Z", "2024-01-01T25:00:00Z", "2024-01-01T00:00", "1704067200", "0001-01-01T00:00:00Z", "1900-01-01T00:00:00+01:00", "9999-12-31T23:00:00-02:00"} {
		if at, err := models.ParseInstant(s); err == nil {
			t.Errorf("instant %q is read as %s", s, at)
		}
	}
}

func TestParseInstant(t *testing.T) {
	for text, want := range map[string]string{
		"2022-02-24T18:38:02.8104364Z": "2022-02-24T18:38:02.810436Z", // microseconds are kept (G7)
		"2024-09-30T23:59:59Z":         "2024-09-30T23:59:59Z",
		"2024-09-30T23:59:59":          "2024-09-30T23:59:59Z", // without a zone: UTC
		"2024-09-30 23:59:59":          "2024-09-30T23:59:59Z",
		"2024-10-01T01:00:00+02:00":    "2024-09-30T23:00:00Z",
		"2024-09-30":                   "2024-09-30T00:00:00Z",
	} {
		if got := instant(t, text).Format(time.RFC3339Nano); got != want {
			t.Errorf("%s is read as %s, want %s", text, got, want)
		}
	}
}

// What is stored comes back, from every driver's form of an integer.
func TestMonthIsStoredAsYYYYMM(t *testing.T) {
	for text, stored := range map[string]int64{"2024-09": 202409, "1900-01": 190001, "9999-12": 999912, "": 0} {
		var m models.Month
		if err := m.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if v, _ := m.Value(); v != stored {
			t.Errorf("%q is stored as %v, want %d", text, v, stored)
		}
		var back models.Month
		if err := back.Scan(stored); err != nil || back != m {
			t.Errorf("%d comes back as %s, %v", stored, back, err)
		}
	}
	var m models.Month
	if err := m.Scan([]byte("202409")); err != nil || m != month(t, "2024-09") {
		t.Errorf("bytes come back as %s, %v", m, err)
	}
	if err := m.Scan(nil); err != nil || m != 0 {
		t.Errorf("NULL comes back as %s, %v", m, err)
	}
	for _, broken := range []any{"2024-09", 20.24, []byte("x")} {
		if m.Scan(broken) == nil {
			t.Errorf("%v is read as a month", broken)
		}
	}
}

func FuzzParseMonth(f *testing.F) {
	for _, s := range []string{"2024-09", "1900-01", "9999-12", "2024-13", "２０２４-09", "-024-01", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := models.ParseMonth(s)
		if err == nil && m.String() != s {
			t.Fatalf("%q is read as %q", s, m)
		}
		if err != nil && !strings.Contains(err.Error(), "YYYY-MM") {
			t.Fatalf("the refusal of %q does not say what to write: %v", s, err)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2024-02-29", "2023-02-29", "0000-01-01", "9999-12-31", "2024-2-9", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := models.ParseDate(s); err == nil && d.String() != s {
			t.Fatalf("%q is read as %q", s, d)
		}
	})
}

func FuzzParseInstant(f *testing.F) {
	for _, s := range []string{"2022-02-24T18:38:02.8104364Z", "2024-09-30 23:59:59", "2024-09-30", "2024-10-01T01:00:00+02:00", "1900-01-01T00:00:00+14:00", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := models.ParseInstant(s)
		if err != nil {
			return
		}
		if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
			t.Fatalf("%q is read as %s: not microseconds in UTC", s, at)
		}
		again, err := models.ParseInstant(at.Format(time.RFC3339Nano))
		if err != nil || !again.Equal(at) {
			t.Fatalf("%q is read as %s, which is read as %s, %v", s, at, again, err)
		}
		if _, err := models.ParseMonth(models.MonthOf(at).String()); err != nil {
			t.Fatalf("%q lies in a month that cannot be written: %v", s, err)
		}
	})
}
