package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

var no, yes = false, true

// findable fills a store with n resellers; every third is not selectable.
func findable(t testing.TB, s *store.Store, n int) {
	t.Helper()
	types := []models.ResellerType{models.DirectBill, models.IndirectProvider, models.IndirectReseller}
	regions := []string{"Americas", "EMEA", "APAC", "Île-de-France"}
	err := s.Write(t.Context(), models.System, func(w *store.Writer) error {
		for i := range n {
			r := models.Reseller{
				TenantID: fmt.Sprintf("%08x-0000-4000-8000-000000000000", i), Name: fmt.Sprintf("Händler %d", i), Type: types[i%3], Country: "DE", BillingCurrency: "EUR",
				Regions: []string{regions[i%4]}, Skills: []string{fmt.Sprintf("Skill %d", i%7)}, InCSPProgram: true,
			}
			if _, err := w.SaveRecord(models.Record{Reseller: &r}, time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFindingResellers is the search of the desk on each engine: spelled as people
// do, whatever else it is narrowed by.
func TestFindingResellers(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		findable(t, s, 24)
		for _, test := range []struct {
			name   string
			filter store.ResellerFilter
			want   []int
		}{
			{"without accents", store.ResellerFilter{Text: "handler 1"}, []int{1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}},
			{"another case", store.ResellerFilter{Text: "HÄNDLER 23"}, []int{23}},
			{"accents apart", store.ResellerFilter{Text: "Ha\u0308ndler 22"}, []int{22}},
			{"part of a tenant id", store.ResellerFilter{Text: "0000000F-"}, []int{15}},
			{"a whole tenant id", store.ResellerFilter{Text: "0000000A-0000-4000-8000-000000000000"}, []int{10}},
			{"a region", store.ResellerFilter{Regions: []string{"ile-de-france"}, Text: "1"}, []int{11, 15, 19, 23}},
			{"region, skill and type", store.ResellerFilter{Regions: []string{"EMEA"}, Skills: []string{"skill 1", "SKILL 3"}, Types: []models.ResellerType{models.DirectBill}}, nil},
			{"selectable in a region", store.ResellerFilter{Regions: []string{"APAC"}, Selectable: &yes}, []int{6, 10, 18, 22}},
			{"not selectable", store.ResellerFilter{Selectable: &no}, []int{2, 5, 8, 11, 14, 17, 20, 23}},
			{"a wildcard", store.ResellerFilter{Text: "H_ndler"}, nil},
			{"part of a skill", store.ResellerFilter{Skills: []string{"Skill"}}, nil},
		} {
			var got []int
			err := s.Read(t.Context(), models.System, func(r *store.Reader) error {
				found, _, err := r.Resellers(test.filter, store.Page{})
				for _, reseller := range found {
					var n int
					if _, err := fmt.Sscanf(reseller.Name, "Händler %d", &n); err != nil {
						return err
					}
					got = append(got, n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if slices.Sort(got); !slices.Equal(got, test.want) {
				t.Errorf("%s: found %v, want %v", test.name, got, test.want)
			}
		}
	})
}

// BenchmarkFindResellers searches among 10,000, as a desk does with each letter.
func BenchmarkFindResellers(b *testing.B) {
	for _, engine := range []string{"sqlite", "mysql"} {
		s := storetest.Open(b, storetest.Database(b, engine))
		findable(b, s, 10_000)
		ask := func(name string, f func(r *store.Reader) (int, error), want int) {
			b.Run(engine+"/"+name, func(b *testing.B) {
				for b.Loop() {
					err := s.Read(b.Context(), models.System, func(r *store.Reader) error {
						n, err := f(r)
						if err == nil && n != want {
							b.Fatalf("found %d, want %d", n, want)
						}
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		page := func(f store.ResellerFilter) func(r *store.Reader) (int, error) {
			return func(r *store.Reader) (int, error) {
				found, _, err := r.Resellers(f, store.Page{Limit: 50})
				return len(found), err
			}
		}
		ask("the first page of a common name", page(store.ResellerFilter{Text: "handler", Selectable: &yes}), 50)
		ask("one name", page(store.ResellerFilter{Text: "händler 9876"}), 1)
		ask("a tenant id", page(store.ResellerFilter{Text: strings.ToUpper(fmt.Sprintf("%08x-0000-4000", 9876))}), 1)
		ask("filters", page(store.ResellerFilter{Regions: []string{"APAC"}, Skills: []string{"Skill 6"}, Types: []models.ResellerType{models.DirectBill}, Text: "99"}), 3)
		ask("facets", func(r *store.Reader) (int, error) {
			facets, err := r.ResellerFacets(store.ResellerFilter{Selectable: &yes}, "skills")
			return len(facets), err
		}, 7)
	}
}
