package recent

import (
	"testing"

	"pgregory.net/rapid"
)

func TestWhatIsAskedForStays(t *testing.T) {
	m := Map[int, int]{Most: 10}
	m.Put(0, 100, 1)
	for i := 1; i < 1000; i++ {
		m.Put(i, i, 1)
		if value, ok := m.Get(0); !ok || value != 100 {
			t.Fatalf("after %d others it is %d, %t", i, value, ok)
		}
	}
	if _, ok := m.Get(900); ok {
		t.Error("what nobody asked for is still there")
	}
}

// Whatever is done, a value is the last one put, and no more than two
// generations are kept.
func TestMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Map[int, int]{Most: rapid.IntRange(1, 20).Draw(t, "most")}
		last := map[int]int{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				key, value, weight := rapid.IntRange(0, 9).Draw(t, "key"), rapid.Int().Draw(t, "value"), rapid.IntRange(1, 20).Draw(t, "weight")
				m.Put(key, value, weight)
				if got, ok := m.Get(key); ok != (weight <= m.Most) || ok && got != value {
					t.Fatalf("%d is %d, %t", key, got, ok)
				}
				last[key] = value
			},
			"get": func(t *rapid.T) {
				key := rapid.IntRange(0, 9).Draw(t, "key")
				if got, ok := m.Get(key); ok && got != last[key] {
					t.Fatalf("%d is %d, not %d", key, got, last[key])
				}
			},
			"make": func(t *rapid.T) {
				key, value := rapid.IntRange(0, 9).Draw(t, "key"), rapid.Int().Draw(t, "value")
				if got := m.GetOrPut(key, 1, func() int { last[key] = value; return value }); got != last[key] {
					t.Fatalf("%d is %d, not %d", key, got, last[key])
				}
			},
			"": func(t *rapid.T) {
				for _, generation := range []map[int]entry[int]{m.young, m.old} {
					weight := 0
					for _, e := range generation {
						weight += e.weight
					}
					if weight > m.Most {
						t.Fatalf("a generation of %d weighs %d", m.Most, weight)
					}
				}
			},
		})
	})
}
