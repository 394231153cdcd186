package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// filesEvery is how often the files of TLS are looked at. Certificates are renewed in their place as a rule, and nobody
// thinks of telling.
const filesEvery = 10 * time.Second

// lookAtFiles is due when the files of TLS are to be looked at.
type lookAtFiles struct{}

// readCredentials reads the files of TLS, if there are other ones or one has changed. Who configured them has checked
// that they can be read.
func (b *backends) readCredentials(ctx actor.Context) {
	config, err := b.credentials.Config(b.config.TLS)
	if config != b.tls || text(err) != b.unread {
		b.unread = text(err)
		if err != nil {
			b.log.Error().AnErr("error", err).Msg("TLS to backends goes on as before, or trusts nobody")
		}
	}
	b.tls = config
	stopTimers(b.looker)
	if b.config.TLS.CAFile != "" || b.config.TLS.ClientCert != "" {
		b.looker = b.later(ctx, filesEvery, lookAtFiles{})
	}
}

// lookAtFiles tells everybody of files that have changed.
func (b *backends) lookAtFiles(ctx actor.Context) {
	before := b.tls
	if b.readCredentials(ctx); b.tls != before {
		b.log.Info().Msg("files of TLS have changed and are read again")
		b.reconcile(ctx)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
