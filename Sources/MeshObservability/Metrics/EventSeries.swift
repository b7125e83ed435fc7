// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Metrics

/// Counters and gauges of events under one bounded label: a configuration's source, a fault's kind, a component.
struct EventSeries: Sendable {
    /// An event and the value of its one label.
    struct Labels: SeriesLabels {
        enum Event: String {
            case configurationsApplied = "mesh_configurations_applied_total"
            case configurationsRejected = "mesh_configurations_rejected_total"
            case configurationGeneration = "mesh_configuration_generation"
            case sourceConnected = "mesh_configuration_source_connected"
            case lastKnownGood = "mesh_last_known_good_total"
            case loadStatistics = "mesh_load_statistics_total"
            case identityRenewals = "mesh_identity_renewals_total"
            case identityValidity = "mesh_identity_valid_seconds"
            case peersRefused = "mesh_peers_refused_total"
            case hostLookups = "mesh_host_lookups_total"
            case hostAddresses = "mesh_host_addresses"
            case tokenChecks = "mesh_jwt_checks_total"
            case authorizerQuestions = "mesh_ext_authz_total"
            case keySetFetches = "mesh_jwt_key_set_fetches_total"
            case faultsInjected = "mesh_faults_injected_total"
            case authorizations = "mesh_authorization_total"
            case authorizationDenials = "mesh_authorization_denied_total"
            case authorizationShadowDenials = "mesh_authorization_shadow_denied_total"
            case unexpectedEvents = "mesh_unexpected_events_total"

            var labelName: String {
                switch self {
                case .configurationsApplied, .configurationsRejected, .configurationGeneration, .sourceConnected:
                    "source"
                case .lastKnownGood, .loadStatistics: "event"
                case .identityRenewals: "result"
                case .identityValidity: "identity"
                case .peersRefused: "reason"
                case .hostLookups, .authorizations: "outcome"
                case .authorizationDenials, .authorizationShadowDenials: "policy"
                case .hostAddresses: "host"
                case .tokenChecks, .authorizerQuestions: "verdict"
                case .keySetFetches: "result"
                case .faultsInjected: "kind"
                case .unexpectedEvents: "component"
                }
            }

            var isGauge: Bool {
                switch self {
                case .configurationGeneration, .sourceConnected, .identityValidity, .hostAddresses: true
                default: false
                }
            }
        }

        var event: Event
        var value: String

        var overflow: Labels { Labels(event: event, value: "other") }
    }

    private let counter: Counter?
    private let meter: Meter?

    init(_ labels: Labels, factory: any MetricsFactory) {
        let dimensions = [(labels.event.labelName, labels.value)]
        if labels.event.isGauge {
            counter = nil
            meter = Meter(label: labels.event.rawValue, dimensions: dimensions, factory: factory)
        } else {
            counter = Counter(label: labels.event.rawValue, dimensions: dimensions, factory: factory)
            meter = nil
        }
    }

    func increment() { counter?.increment() }
    func set(_ value: Double) { meter?.set(value) }
}
