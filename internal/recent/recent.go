// Package recent keeps what was asked for lately, in bounded memory.
package recent

import "sync"

// Map keeps values in two generations: when the young one is full it becomes the
// old one, and what nobody asked for since the last change is gone. It is safe
// for many at once; only Most must be set before.
type Map[K comparable, V any] struct {
	// Most is the weight that a generation holds: at most twice as much is kept.
	Most int

	lock       sync.Mutex
	young, old map[K]entry[V]
	weight     int // of the young
}

type entry[V any] struct {
	value  V
	weight int
}

// Get finds a value, and keeps it young.
func (m *Map[K, V]) Get(key K) (V, bool) {
	m.lock.Lock()
	defer m.lock.Unlock()
	found, ok := m.get(key)
	return found, ok
}

// Put keeps a value of the weight, in place of what the key had. What is heavier
// than a generation is not kept, nor what it was to replace.
func (m *Map[K, V]) Put(key K, value V, weight int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.put(key, entry[V]{value, weight})
}

// GetOrPut finds a value, or keeps the one that is made.
func (m *Map[K, V]) GetOrPut(key K, weight int, made func() V) V {
	m.lock.Lock()
	defer m.lock.Unlock()
	if found, ok := m.get(key); ok {
		return found
	}
	value := made()
	m.put(key, entry[V]{value, weight})
	return value
}

func (m *Map[K, V]) get(key K) (V, bool) {
	if found, ok := m.young[key]; ok {
		return found.value, true
	}
	found, ok := m.old[key]
	if ok {
		m.put(key, found)
	}
	return found.value, ok
}

func (m *Map[K, V]) put(key K, kept entry[V]) {
	m.weight -= m.young[key].weight
	delete(m.young, key)
	delete(m.old, key)
	if kept.weight > m.Most {
		return
	}
	kept.weight = max(kept.weight, 1)
	if m.young == nil || m.weight+kept.weight > m.Most {
		m.old, m.young, m.weight = m.young, map[K]entry[V]{}, 0
	}
	m.young[key] = kept
	m.weight += kept.weight
}
