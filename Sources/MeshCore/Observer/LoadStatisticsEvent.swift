// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What happened to the reports by which a source tells its control plane of the requests that were made.
public enum LoadStatisticsEvent: Sendable {
    /// The control plane has said what it wants to know and how often; `nil` for all clusters. What else it asks for
    /// and does not get stands in `ignored`, by the fields' names.
    case asked(interval: Nanoseconds, clusters: Int?, ignored: [String])
    /// A report was sent, with that many clusters.
    case sent(clusters: Int)
    /// The stream has ended, or was not to be had; another one is opened after a while. What was not told stays to be
    /// told.
    case failed(reason: String, inRow: Int)

    /// Its name in metrics: `asked`, `sent` or `failed`.
    public var name: String {
        switch self {
        case .asked: "asked"
        case .sent: "sent"
        case .failed: "failed"
        }
    }
}
