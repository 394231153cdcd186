package messages

// UpgradeResult is how an upgrade ended, in a word that labels a metric.
type UpgradeResult string

const (
	// Upgraded means that the new process serves.
	Upgraded UpgradeResult = "ok"
	// UpgradeNotStarted means that the file is missing or cannot be run.
	UpgradeNotStarted UpgradeResult = "not_started"
	// UpgradeExited means that the new process ended before it served.
	UpgradeExited UpgradeResult = "exited"
	// UpgradeRejected means that the new process said why it cannot serve: its configuration has a fault, say.
	UpgradeRejected UpgradeResult = "rejected"
	// UpgradeLate means that the new process did not serve in time.
	UpgradeLate UpgradeResult = "late"
	// UpgradeBusy means that another upgrade was under way.
	UpgradeBusy UpgradeResult = "busy"
	// UpgradeCancelled means that the old process was to end meanwhile.
	UpgradeCancelled UpgradeResult = "cancelled"
)

// UpgradeResults lists all of them. The caller owns the slice.
func UpgradeResults() []UpgradeResult {
	return []UpgradeResult{
		Upgraded, UpgradeNotStarted, UpgradeExited, UpgradeRejected, UpgradeLate, UpgradeBusy, UpgradeCancelled,
	}
}

// Upgrades counts upgrades by their result.
type Upgrades map[UpgradeResult]uint64
