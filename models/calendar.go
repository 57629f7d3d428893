package models

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"time"
)

// Month is a calendar month in UTC, the unit in which prices change, usage is
// collected and periods close (D15). It counts months since year 0, so that
// months are compared and added as integers. The zero Month means "none".
type Month int32

// NewMonth returns the month of a year; month is 1 to 12.
func NewMonth(year int, month time.Month) Month {
	return Month(year*12 + int(month) - 1)
}

// MonthOf returns the month that holds the instant, in UTC.
func MonthOf(t time.Time) Month {
	year, month, _ := t.UTC().Date()
	return NewMonth(year, month)
}

// ParseMonth reads YYYY-MM, years 1900 to 9999.
func ParseMonth(s string) (Month, error) {
	if len(s) == 7 && s[4] == '-' {
		year, errYear := parseDigits(s[:4])
		month, errMonth := parseDigits(s[5:])
		if errYear == nil && errMonth == nil && year >= 1900 && month >= 1 && month <= 12 {
			return NewMonth(year, time.Month(month)), nil
		}
	}
	return 0, fmt.Errorf("%q is not a month: write YYYY-MM", s)
}

// Start is the first instant of the month.
func (m Month) Start() time.Time {
	return time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, time.UTC)
}

// End is the first instant after the month: months are half-open (D4).
func (m Month) End() time.Time { return (m + 1).Start() }

// FirstDay and LastDay bound the month, both inclusive.
func (m Month) FirstDay() Date { return DateOf(m.Start()) }

// LastDay is the last day that belongs to the month.
func (m Month) LastDay() Date { return (m + 1).FirstDay() - 1 }

// String is YYYY-MM, or "" for the zero Month.
func (m Month) String() string {
	if m == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", int(m)/12, int(m)%12+1)
}

// MarshalText writes YYYY-MM.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads YYYY-MM; empty text is the zero Month.
func (m *Month) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*m = 0
		return nil
	}
	*m, err = ParseMonth(string(text))
	return err
}

// Value stores a month as the integer YYYYMM, which sorts and reads well in
// SQL; the zero Month is 0.
func (m Month) Value() (driver.Value, error) {
	if m == 0 {
		return int64(0), nil
	}
	return int64(m)/12*100 + int64(m)%12 + 1, nil
}

// Scan reads what Value wrote.
func (m *Month) Scan(value any) error {
	n, err := scanInteger(value)
	if err != nil {
		return fmt.Errorf("month: %w", err)
	}
	if n == 0 {
		*m = 0
		return nil
	}
	*m = Month(n/100*12 + n%100 - 1)
	return nil
}

// Date is a day in UTC, counted from 1970-01-01, so that days between two
// dates are a subtraction.
type Date int32

// DateOf returns the day that holds the instant, in UTC.
func DateOf(t time.Time) Date {
	seconds := t.Unix()
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return Date(days)
}

// ParseDate reads YYYY-MM-DD and refuses days that do not exist.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a day: write YYYY-MM-DD", s)
	}
	return DateOf(t), nil
}

// Start is the first instant of the day.
func (d Date) Start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Month is the month that holds the day.
func (d Date) Month() Month { return MonthOf(d.Start()) }

// String is YYYY-MM-DD.
func (d Date) String() string { return d.Start().Format(time.DateOnly) }

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

// AddMonths moves the day by whole months and keeps the day of the month where
// the month has it, else takes the month's last: Jan 31 + 1 = Feb 28. Always
// add to the anchor, never to a result, so that short months do not shift
// later cycles (D15).
func (d Date) AddMonths(months int) Date {
	t := d.Start()
	target := MonthOf(t) + Month(months)
	return min(target.FirstDay()+Date(t.Day()-1), target.LastDay())
}

// ParseInstant reads RFC 3339, or the same without a zone, which means UTC
// (D15), or a day, which means its first instant. Instants keep microseconds,
// what every engine stores; finer digits are cut. Years go from 1900 to 2999, so
// that the end of any term can be written as well.
func ParseInstant(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		// time.Parse takes an hour of one digit and a zone of 24 hours.
		_, offset := t.Zone()
		whole := len(s) == len(time.DateOnly) || s[len("2006-01-02T15")] == ':'
		if !whole || max(offset, -offset) >= 24*60*60 {
			break
		}
		if t = t.UTC(); t.Year() < 1900 || t.Year() > 2999 {
			return time.Time{}, fmt.Errorf("%q lies outside the years 1900 to 2999", s)
		}
		return t.Truncate(time.Microsecond), nil
	}
	return time.Time{}, fmt.Errorf("%q is not an instant: write RFC 3339, such as 2024-09-30T23:59:59Z", s)
}

func parseDigits(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

func scanInteger(value any) (int64, error) {
	switch v := value.(type) {
	case nil:
		return 0, nil
	case int64:
		return v, nil
	case []byte:
		return strconv.ParseInt(string(v), 10, 64)
	}
	return 0, fmt.Errorf("cannot read %T as an integer", value)
}
