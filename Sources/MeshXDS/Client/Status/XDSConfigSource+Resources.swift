// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
import MeshCore

extension XDSConfigSource {
    /// What is known of every resource, as the mesh's administration tells it.
    public var sourceStatus: ConfigSourceStatus {
        let origin =
            switch origin {
            case .nowhere: "nowhere yet"
            case .controlPlane: "the control plane"
            case .lastKnownGood(let age): "the last known good file, \(UInt64(age.seconds)) s old"
            }
        return ConfigSourceStatus(name: name, origin: origin, resources: status.map { .init($0) })
    }
}

extension ConfigSourceStatus.Resource {
    /// A resource of a control plane.
    init(_ status: XDSResourceStatus) {
        let (state, reason): (ConfigSourceStatus.State, String?) =
            switch status.state {
            case .requested: (.requested, nil)
            case .acknowledged: (.acknowledged, nil)
            case .refused(let text): (.refused, text)
            case .doesNotExist: (.missing, nil)
            case .failed(let text): (.failed, text)
            case .timedOut: (.timedOut, nil)
            }
        self.init(
            kind: status.kind.rawValue,
            name: status.name,
            version: status.isInUse ? status.version : nil,
            state: state,
            reason: reason
        )
    }
}
