package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

// scalars is where the values of the API are spelled: MarshalX for gqlgen, AppendX
// for us.
const scalars = "sellthrough/graph/scalar"

// builtin are the scalars that gqlgen spells itself, by its function, with ours and
// the type that it takes.
var builtin = map[string]string{
	"MarshalInt": "AppendInt(w.Bytes, int64(%s))", "MarshalInt32": "AppendInt(w.Bytes, int64(%s))", "MarshalInt64": "AppendInt(w.Bytes, int64(%s))",
	"MarshalBoolean": "AppendBoolean(w.Bytes, bool(%s))",
}

//go:embed writers.gotpl
var template string

// writers is the plugin that generates how plain objects write themselves.
type writers struct{}

// Name names the plugin.
func (writers) Name() string { return "writers" }

// GenerateCode writes the file.
func (writers) GenerateCode(data *codegen.Data) error {
	file, reached := &file{objects: map[string]*codegen.Object{}}, map[string]bool{}
	for _, object := range data.Objects {
		if !object.Root && !object.IsReserved() {
			file.objects[object.Name] = object
		}
	}
	for _, field := range data.QueryRoot.Fields {
		if held := file.objects[field.TypeReference.Definition.Name]; !field.IsReserved() && !field.HasDirectives() && held != nil &&
			field.TypeReference.IsPtr() && types.Identical(field.TypeReference.Elem().GO, held.Type) {
			file.Roots = append(file.Roots, field)
			file.reach(held, reached)
		}
	}
	for _, object := range data.Objects {
		if reached[object.Name] {
			file.Objects = append(file.Objects, object)
		}
	}
	return templates.Render(templates.Options{
		PackageName: data.Config.Exec.Package, Filename: filepath.Join(data.Config.Exec.DirName, "writers.generated.go"),
		Template: template, Data: file, GeneratedHeader: true, Packages: data.Config.Packages,
	})
}

// file is what the template is filled with.
type file struct {
	// Roots are the fields of the root that are written so, Objects what they hold,
	// at whatever depth. objects are all of the schema.
	Roots   []*codegen.Field
	Objects []*codegen.Object
	objects map[string]*codegen.Object
}

// reach marks an object and all that its plain fields hold.
func (f *file) reach(object *codegen.Object, reached map[string]bool) {
	if reached[object.Name] {
		return
	}
	reached[object.Name] = true
	for _, field := range f.Plain(object) {
		if held := f.objects[f.Holds(field)]; held != nil {
			f.reach(held, reached)
		}
	}
}

// Plain are the fields of an object that can be written without gqlgen.
func (f *file) Plain(object *codegen.Object) []*codegen.Field {
	return slices.DeleteFunc(slices.Clone(object.Fields), func(field *codegen.Field) bool {
		return field.IsReserved() || field.IsResolver || field.IsBatch() || field.HasDirectives() || len(field.Args) > 0 || field.VOkFunc || field.HasHaser ||
			!(field.IsVariable() || field.IsMethod()) || !f.writable(field.TypeReference)
	})
}

// Holds names the object that a field holds, "" for scalars.
func (f *file) Holds(field *codegen.Field) string {
	if f.objects[field.TypeReference.Definition.Name] == nil {
		return ""
	}
	return field.TypeReference.Definition.Name
}

func (f *file) writable(ref *config.TypeReference) bool {
	switch {
	case ref.IsSlice():
		return f.writable(ref.Elem())
	case ref.IsPtr() && !ref.Elem().IsPtr() && !ref.Elem().IsNilable():
		return f.writable(ref.Elem())
	case ref.IsNilable() || ref.IsMarshaler:
		return false
	case ref.Definition.Kind == ast.Object:
		object := f.objects[ref.Definition.Name]
		return object != nil && types.Identical(ref.GO, object.Type)
	}
	return appends(ref, "") != "" && !ref.IsContext && !ref.IsTargetNilable() && !ref.HasEnumValues()
}

// appends is the call that writes a scalar, "" where there is none.
func appends(ref *config.TypeReference, value string) string {
	if ref.Marshaler == nil {
		return ""
	}
	name := ref.Marshaler.Name()
	if ref.Marshaler.Pkg().Path() != scalars {
		if call := builtin[name]; call != "" {
			return fmt.Sprintf("scalar."+call, value)
		}
		return ""
	}
	if ref.CastType != nil {
		value = templates.CurrentImports.LookupType(ref.CastType) + "(" + value + ")"
	}
	return "scalar.Append" + strings.TrimPrefix(name, "Marshal") + "(w.Bytes, " + value + ")"
}

// Write is the code that writes the value of a field.
func (f *file) Write(field *codegen.Field) string {
	value := "v." + field.GoFieldName
	if field.IsVariable() {
		return f.value(value, field.TypeReference, 0)
	}
	if field.MethodHasContext {
		value += "(w.Context())"
	} else {
		value += "()"
	}
	if field.NoErr {
		return "x := " + value + "\n" + f.value("x", field.TypeReference, 0)
	}
	return "x, err := " + value + "\nif err != nil {\nw.GiveUp()\nreturn\n}\n" + f.value("x", field.TypeReference, 0)
}

// value is the code that writes what is in an addressable place.
func (f *file) value(place string, ref *config.TypeReference, depth int) string {
	if ref.IsSlice() {
		i := fmt.Sprint("i", depth)
		list := fmt.Sprintf("w.Bytes = append(w.Bytes, '[')\nfor %s := range %s {\nif !w.Next(%s) {\nreturn\n}\n%s\n}\nw.Bytes = append(w.Bytes, ']')",
			i, place, i, f.value(place+"["+i+"]", ref.Elem(), depth+1))
		if ref.GQL.NonNull {
			return list
		}
		return fmt.Sprintf("if %s == nil {\nw.Null(true)\n} else {\n%s\n}", place, list)
	}
	object, pointer := f.objects[ref.Definition.Name], ref.IsPtr()
	var written string
	switch {
	case object != nil && pointer:
		written = fmt.Sprintf("write%s(w, step.Below, %s)", object.Name, place)
	case object != nil:
		written = fmt.Sprintf("write%s(w, step.Below, &%s)", object.Name, place)
	default:
		one := place
		if pointer {
			one = "*" + place
		}
		written = "w.Bytes = " + appends(ref, one)
		if ref.GQL.NonNull {
			written += "\nw.NotNull()"
		}
	}
	if pointer {
		return fmt.Sprintf("if %s == nil {\nw.Null(%t)\n} else {\n%s\n}", place, !ref.GQL.NonNull, written)
	}
	return written
}

// Resolved is the resolver's call for a field of the root.
func (f *file) Resolved(field *codegen.Field) string { return field.ShortInvocation() }
