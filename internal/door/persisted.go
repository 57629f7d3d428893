package door

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"sellthrough/graph"
	"sellthrough/internal/recent"
)

// persisted are documents that a client sends once, and later only the hash of
// (Apollo's automatic persisted queries). A document is known by its own hash, so
// nobody can put another in its place.
type persisted struct{ recent.Map[string, string] }

// persistedBytes is how many bytes of documents a generation holds, persistedLongest
// the longest that is kept.
const (
	persistedBytes   = 4 << 20
	persistedLongest = 64 << 10
)

func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// keep keeps a document that was found good.
func (p *persisted) keep(hash, document string) {
	if len(document) <= persistedLongest {
		p.Put(hash, document, len(document)+256)
	}
}

// find puts the document that the request names into its query. The hash is "" if
// none is named.
func (p *persisted) find(asked *request, trusted *Trusted) (hash string, refused *refusal) {
	if trusted != nil {
		return "", trusted.find(asked)
	}
	hash, refused = asked.hash()
	if refused != nil || hash == "" {
		return "", refused
	}
	if asked.Query != "" {
		if hashOf(asked.Query) != hash {
			return "", badRequest("the hash is not that of the query: send the SHA-256 of its text, in hex")
		}
		return hash, nil
	}
	document, ok := p.Get(hash)
	if !ok {
		// 200, and these words: clients send the document as well when they read them.
		return "", refuse(http.StatusOK, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
	}
	asked.Query = document
	return hash, nil
}

// hash is the hash that the request names a document by, "" if none.
func (asked *request) hash() (string, *refusal) {
	hash, isHash := strings.CutPrefix(asked.documentID, "sha256:")
	if extension := asked.Extensions["persistedQuery"]; extension != nil {
		named, _ := extension.(map[string]any)
		if version, _ := named["version"].(json.Number); version != "1" {
			return "", badRequest("extensions.persistedQuery is not of version 1")
		}
		hash, isHash = named["sha256Hash"].(string)
	}
	switch {
	case asked.documentID != "" && asked.Extensions["persistedQuery"] != nil:
		return "", badRequest("documentId and extensions.persistedQuery both name a document: send one of them")
	case asked.documentID == "" && asked.Extensions["persistedQuery"] == nil:
		return "", nil
	}
	hash = strings.ToLower(hash)
	if sum, err := hex.DecodeString(hash); !isHash || err != nil || len(sum) != sha256.Size {
		return "", badRequest("a document is named by the SHA-256 of its text, in hex")
	}
	return hash, nil
}

// Trusted are the only documents that run, where an operator names them.
type Trusted struct{ byID, byHash map[string]string }

// ReadTrusted reads documents from the files of a folder and below: each
// NAME.graphql is one document with the id NAME (folders/of/it included), each
// NAME.json a manifest, either {"ID": "document", ...} or Apollo's
// {"format": "apollo-persisted-query-manifest", "operations": [{"id", "body"}]}.
// The error names every file that cannot be read and every document that the
// schema refuses.
func ReadTrusted(files fs.FS) (*Trusted, error) {
	t := &Trusted{map[string]string{}, map[string]string{}}
	var problems []error
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		kind := path.Ext(name)
		if err != nil || entry.IsDir() || kind != ".graphql" && kind != ".json" {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			problems = append(problems, err)
			return nil
		}
		documents := map[string]string{strings.TrimSuffix(name, kind): string(text)}
		if kind == ".json" {
			if documents, err = manifest(text); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
		}
		for id, document := range documents {
			if err := t.add(id, document); err != nil {
				problems = append(problems, fmt.Errorf("%s, %s: %w", name, id, err))
			}
		}
		return nil
	})
	if err == nil && len(problems) == 0 && len(t.byID) == 0 {
		err = errors.New("no document is there: nothing could ever be asked")
	}
	return t, errors.Join(append(problems, err)...)
}

func manifest(text []byte) (map[string]string, error) {
	var apollo struct {
		Format     string
		Operations []struct{ ID, Body string }
	}
	if json.Unmarshal(text, &apollo) == nil && apollo.Format == "apollo-persisted-query-manifest" {
		documents := map[string]string{}
		for _, operation := range apollo.Operations {
			documents[operation.ID] = operation.Body
		}
		return documents, nil
	}
	documents := map[string]string{}
	if json.Unmarshal(text, &documents) != nil {
		return nil, errors.New(`it is no manifest: {"id": "document", ...}`)
	}
	return documents, nil
}

func (t *Trusted) add(id, document string) error {
	if other, ok := t.byID[id]; ok && other != document {
		return errors.New("another document has this id")
	}
	t.byID[id], t.byHash[hashOf(document)] = document, document
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: document}, graph.DefaultLimits.Tokens)
	if err != nil {
		return err
	}
	if len(parsed.Operations) == 0 {
		return errors.New("it has no operation")
	}
	if errs := validator.ValidateWithRules(graph.Schema(), parsed, nil); len(errs) > 0 {
		return gqlerror.List(errs)
	}
	return nil
}

// find puts the document that the request names, by id, hash or its exact text,
// into its query.
func (t *Trusted) find(asked *request) *refusal {
	document, ok := t.byID[asked.documentID]
	if asked.documentID == "" || !ok {
		hash := hashOf(asked.Query)
		if asked.Query == "" {
			named, refused := asked.hash()
			if refused != nil && asked.documentID == "" {
				return refused
			}
			hash = named
		}
		document, ok = t.byHash[hash]
	}
	if !ok || asked.Query != "" && asked.Query != document {
		return refuse(http.StatusForbidden, "DOCUMENT_NOT_TRUSTED", "only documents that the operator has listed are answered here: name one of them by documentId, or by its hash")
	}
	asked.Query = document
	return nil
}
