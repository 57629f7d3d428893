package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope is who made a span: this program.
const scope = "sellthrough"

// defaultSampled is the share of traces that is kept where the environment does
// not say: enough to see what is slow, at a tenth of the price.
const defaultSampled = 0.1

// newTraces is where spans go, or nil where nobody wants any: the environment
// names no endpoint, or switches OpenTelemetry off.
func newTraces(ctx context.Context, options Options) (*trace.TracerProvider, error) {
	set := func(name string) string { value, _ := options.Environment(name); return strings.TrimSpace(value) }
	described := trace.WithResource(resourceOf(options, set))
	if options.Spans != nil {
		return trace.NewTracerProvider(described, trace.WithSyncer(options.Spans), trace.WithSampler(trace.AlwaysSample())), nil
	}
	endpoint, err := endpointOf(set)
	if endpoint == "" || err != nil {
		return nil, err
	}
	sampler, err := samplerOf(set("OTEL_TRACES_SAMPLER"), set("OTEL_TRACES_SAMPLER_ARG"))
	if err != nil {
		return nil, err
	}
	headers, err := pairs("OTEL_EXPORTER_OTLP_HEADERS", cmp.Or(set("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), set("OTEL_EXPORTER_OTLP_HEADERS")))
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithHeaders(headers))
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return trace.NewTracerProvider(described, trace.WithBatcher(exporter), trace.WithSampler(sampler)), nil
}

// endpointOf is the address that traces are sent to, "" for nowhere. That for
// all signals is a base; that for traces is used as it is.
func endpointOf(set func(string) string) (string, error) {
	if strings.EqualFold(set("OTEL_SDK_DISABLED"), "true") || set("OTEL_TRACES_EXPORTER") == "none" {
		return "", nil
	}
	name, endpoint := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if endpoint == "" {
		name, endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", set("OTEL_EXPORTER_OTLP_ENDPOINT")
		if endpoint == "" {
			return "", nil
		}
		endpoint = strings.TrimRight(endpoint, "/") + "/v1/traces"
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%s is no address of a collector: write it as http://localhost:4318", name)
	}
	return endpoint, nil
}

// samplerOf spells OpenTelemetry's samplers.
func samplerOf(name, argument string) (trace.Sampler, error) {
	share := defaultSampled
	if argument != "" {
		var err error
		if share, err = strconv.ParseFloat(argument, 64); err != nil || share < 0 || share > 1 {
			return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is %q: write a share from 0 to 1", argument)
		}
	}
	plain, parentBased := strings.CutPrefix(cmp.Or(name, "parentbased_traceidratio"), "parentbased_")
	var sampler trace.Sampler
	switch plain {
	case "always_on":
		sampler = trace.AlwaysSample()
	case "always_off":
		sampler = trace.NeverSample()
	case "traceidratio":
		sampler = trace.TraceIDRatioBased(share)
	default:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER is %q: choose always_on, always_off or traceidratio, or one of them behind parentbased_", name)
	}
	if parentBased {
		sampler = trace.ParentBased(sampler)
	}
	return sampler, nil
}

// resourceOf says which program the spans are of.
func resourceOf(options Options, set func(string) string) *resource.Resource {
	attributes := []attribute.KeyValue{
		attribute.String("service.name", cmp.Or(set("OTEL_SERVICE_NAME"), scope)),
		attribute.String("service.version", options.Version),
	}
	more, _ := pairs("OTEL_RESOURCE_ATTRIBUTES", set("OTEL_RESOURCE_ATTRIBUTES")) // a description is no reason not to start
	for key, value := range more {
		attributes = append(attributes, attribute.String(key, value))
	}
	return resource.NewSchemaless(attributes...)
}

// pairs reads key=value,key=value with values escaped as in a URL. A fault does
// not repeat the text, which may hold a credential.
func pairs(name, text string) (map[string]string, error) {
	read := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !found || key == "" || err != nil {
			return nil, fmt.Errorf("%s is not a list of key=value, separated by commas", name)
		}
		read[key] = value
	}
	return read, nil
}

// start starts a span. Where nobody asked for traces the context stays as it is:
// each value in it is one more that every look into it has to pass.
func (t *Telemetry) start(ctx context.Context, name string, options ...oteltrace.SpanStartOption) (context.Context, oteltrace.Span) {
	if t.traces == nil {
		return ctx, noop.Span{}
	}
	return t.traces.Tracer(scope).Start(ctx, name, options...)
}
