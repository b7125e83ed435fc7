// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

/// An endpoint that is asked to report its load, as long as pushes leave it and its policy's period alone.
struct LoadReportSession {
    /// Who the reports are about: several, where a cluster has one address in several places.
    var states: [EndpointState]
    var cluster: ClusterRuntime
    var machine: LoadReportCallStateMachine
    /// Nobody could ask when its time had come.
    var isUnasked = false
    /// Rings when somebody can ask again; ends when nobody is to.
    let bell: AsyncStream<Void>
    let ringer: AsyncStream<Void>.Continuation

    init(_ state: EndpointState, cluster: ClusterRuntime, period: Nanoseconds) {
        self.states = [state]
        self.cluster = cluster
        self.machine = LoadReportCallStateMachine(period: period)
        (bell, ringer) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }
}

extension LoadReportSession {
    /// A report, or what should have been one, in the form that observers hear.
    func event(_ report: Result<LoadReport, LoadReportError>) -> MeshEvent? {
        guard let endpoint = states.first?.endpoint.address else { return nil }
        let name = cluster.cluster.name
        switch report {
        case .success: return .loadReportReceived(cluster: name, endpoint: endpoint)
        case .failure(let error):
            return .loadReportRefused(cluster: name, endpoint: endpoint, reason: error.reason)
        }
    }

    /// Hands a report on to the cluster's balancer.
    func take(_ report: Result<LoadReport, LoadReportError>, at now: MeshInstant) {
        for state in states {
            switch report {
            case .success(let report): cluster.cluster.loadBalancing.policy.reported(report, by: state, at: now)
            case .failure: state.noteRefusedLoadReport()
            }
        }
    }

    /// Where its call stands, in words.
    func summary(at now: MeshInstant) -> String {
        let count = machine.reports == 1 ? "1 out-of-band report" : "\(machine.reports) out-of-band reports"
        return switch machine.state {
        case .idle: isUnasked ? "nobody can ask it for load reports" : count
        case .asked: "asked for load reports"
        case .following(let heardAt): "\(count), the last \(now.elapsed(since: heardAt).duration) ago"
        case .waiting(let until, let reason):
            "no load reports: \(reason); asked again in \(until.elapsed(since: now).duration)"
        case .givenUp: "no load reports: it does not implement them"
        }
    }
}
