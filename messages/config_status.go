package messages

import "time"

// ConfigAsked asks how the configuration came about; the answer is a ConfigStatus.
type ConfigAsked struct{}

// ConfigStatus is where the configuration stands.
type ConfigStatus struct {
	// File is its path; empty: the command line is all there is.
	File string
	// Generation is that of the ConfigChanged which holds.
	Generation uint64
	// Applied and Refused count the reloads that brought a new configuration, and those that kept the old one because of
	// an error. The configuration of the start counts for neither.
	Applied, Refused uint64
	// LastSuccess is when the configuration which holds was taken over.
	LastSuccess time.Time
	// LastError is why the latest reload was refused, in one line; empty when it was not.
	LastError string
}

// ReloadConfig orders that the configuration file is read now. The answer is a Done; its error says that there is no file,
// or what is wrong in it, its text what has changed.
type ReloadConfig struct{}
