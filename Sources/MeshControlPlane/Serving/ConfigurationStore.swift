// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshCore
import MeshManifests
import Synchronization

/// Makes what is served out of manifests and workloads, and keeps the last of it that was good.
final class ConfigurationStore: Sendable {
    private struct State {
        var machine = ManifestAdoptionStateMachine()
        /// What was read since the last `rebuild`, which alone changes the machine.
        var unread: ManifestReading?
        var hasLooked = false
        var folderProblem: FolderProblem?
        var world: ServedWorld?
        var counter: UInt64 = 0
    }

    private let compiler: ManifestCompiler
    private let reader: ManifestReader
    private let epoch: UInt64
    private let logger: Logger
    private let state = Mutex(State())

    /// Creates a store that serves nothing.
    /// - Parameter epoch: Begins every version; greater in each later process, as seconds since 1970 are.
    init(configuration: ControlPlaneConfiguration, epoch: UInt64, logger: Logger) {
        self.compiler = ManifestCompiler(trustDomain: configuration.trustDomain)
        self.reader = ManifestReader(
            limits: ReadingLimits(maximumFileSize: configuration.limits.maximumFileSize)
        )
        self.epoch = epoch
        self.logger = logger
    }

    /// What is served; `nil` before there were good manifests.
    var world: ServedWorld? { state.withLock { $0.world } }

    /// The place of a version among those of this process; `nil` if it is not one of them.
    func order(of version: String) -> UInt64? {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "\(epoch)", let order = UInt64(parts[1]), order > 0 else { return nil }
        return state.withLock { order <= $0.counter } ? order : nil
    }

    /// Counts the manifests that have come into force.
    var manifestGeneration: UInt64 { state.withLock { $0.machine.generation } }

    /// Whether the folder has been looked at, with whatever success.
    var hasLooked: Bool { state.withLock { $0.hasLooked } }

    /// What is wrong with the manifests.
    var diagnostics: DiagnosticsAnswer {
        state.withLock { state in
            DiagnosticsAnswer(
                isCurrent: state.machine.isCurrent && state.folderProblem == nil,
                folder: state.folderProblem?.description,
                diagnostics: state.machine.diagnostics.map(DiagnosticsAnswer.Item.init)
            )
        }
    }

    /// Something happened to the folder. What it means is found by the next `rebuild`.
    func folderChanged(_ event: ManifestFolder.Event) {
        switch event {
        case .files(let files):
            let reading = reader.read(files)
            state.withLock { state in
                state.unread = reading
                state.hasLooked = true
            }
        case .problem(let problem):
            state.withLock { state in
                state.folderProblem = problem
                state.hasLooked = true
            }
            if let problem {
                logger.error("\(problem); the last good manifests stay in force")
            } else {
                logger.notice("the folder of manifests can be read again")
            }
        }
    }

    /// Makes what is served anew. Called by one task only: worlds come in order.
    func rebuild(_ registrations: [Registration]) {
        let workloads = registrations.map(Workload.init)
        let draining = Set(registrations.lazy.filter { $0.state == .draining }.map(\.endpoint))
        var (machine, unread) = state.withLock { ($0.machine, $0.unread.take()) }
        let before = (diagnostics: Set(machine.diagnostics), generation: machine.generation)
        if let unread { machine.read(unread) }
        // Compiling takes its time; whoever asks meanwhile gets the world as it was.
        let prepared = machine.compile(workloads, by: compiler)
        state.withLock { state in
            state.machine = machine
            guard let prepared else { return }
            state.counter += 1
            state.world = ServedWorld(
                version: "\(epoch).\(state.counter)",
                order: state.counter,
                prepared: prepared,
                draining: draining
            )
        }
        for diagnostic in machine.diagnostics where !before.diagnostics.contains(diagnostic) { log(diagnostic) }
        if machine.generation != before.generation {
            logger.notice("the manifests are in force", metadata: ["generation": "\(machine.generation)"])
        } else if !machine.isCurrent, !before.diagnostics.isSuperset(of: machine.diagnostics) {
            logger.error("the manifests have errors; the last good ones stay in force")
        }
    }

    private func log(_ diagnostic: Diagnostic) {
        let level: Logger.Level =
            switch diagnostic.severity {
            case .error: .error
            case .warning: .warning
            case .deprecation: .notice
            case .note: .info
            }
        logger.log(level: level, "\(diagnostic)")
    }
}

extension Workload {
    init(_ registration: Registration) {
        self.init(
            id: registration.id,
            service: registration.service,
            namespace: registration.namespace,
            address: registration.endpoint,
            servicePort: registration.servicePort,
            labels: registration.labels,
            serviceAccount: registration.serviceAccount,
            speaksMutualTLS: registration.speaksMutualTLS,
            protocolName: registration.protocolName,
            locality: Locality(path: registration.locality),
            weight: registration.weight
        )
    }
}
