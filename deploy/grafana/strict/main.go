// Reads a dashboard as strictly as Grafana's own schema allows: a field that it does not know, one that
// is missing, or a value out of its bounds is a mistake. The schema is that of grafana-foundation-sdk, which
// Grafana Labs generate from Grafana's sources.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The reader answers with a list of mistakes also where there is none.
func none(err error) bool {
	var found cog.BuildErrors
	return err == nil || (errors.As(err, &found) && len(found) == 0)
}

func mistakes(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(raw); !none(err) {
		return err
	}
	return board.Validate()
}

func main() {
	plugins.RegisterDefaultPlugins()
	if err := mistakes(os.Args[1]); !none(err) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
