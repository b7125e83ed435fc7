// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Envoy_Config_Core_V3_ConfigSource {
    /// The fields by which a resource sends its reader elsewhere on the network; the messages here do not have the others.
    private static let read = ReadFields(
        Self.self,
        "api_config_source",
        "ads",
        "initial_fetch_timeout",
        "self",
        "resource_api_version"
    )

    /// Why a cluster cannot have its endpoints from there.
    ///
    /// A file is a matter of the process that reads it: no control plane may make it open one.
    var refusalOfEndpoints: String {
        let namesFile = !Set(Self.read.others(in: self)).isDisjoint(with: ["path", "path_config_source"])
        let refusal = "must be ads or self"
        return namesFile ? "\(refusal); no resource makes this process read a file, EndpointFileSource does" : refusal
    }
}
