// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Envoy_Service_Discovery_V3_DiscoveryResponse {
    /// `google.rpc.Code.NOT_FOUND`.
    private static let notFound: Int32 = 5

    /// A response by state of the world.
    init(_ response: ADSServerStreamStateMachine.Response) {
        self.init()
        versionInfo = response.version
        nonce = response.nonce
        typeURL = response.kind.typeURL
        resources = response.resources.map(\.message)
        resourceErrors = response.missing.map { name in
            var error = Envoy_Service_Discovery_V3_ResourceError()
            error.resourceName.name = name
            error.errorDetail.code = Self.notFound
            error.errorDetail.message = "there is no such resource"
            return error
        }
    }
}

extension Envoy_Service_Discovery_V3_DeltaDiscoveryResponse {
    /// An incremental response.
    init(_ response: ADSServerStreamStateMachine.Response) {
        self.init()
        systemVersionInfo = response.version
        nonce = response.nonce
        typeURL = response.kind.typeURL
        removedResources = response.removed
        resources = response.resources.map { resource in
            var message = Envoy_Service_Discovery_V3_Resource()
            message.name = resource.name
            message.version = resource.versionText
            message.resource = resource.message
            return message
        }
    }
}
