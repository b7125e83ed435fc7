// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity

/// Tokens that Python's `cryptography` has signed, one by each algorithm, with the key set that each was signed by.
enum SignedTokens {
    // swift-format-ignore
    static let all: [(algorithm: SignatureAlgorithm, keys: String, token: String)] = [
        (
            .rs256,
            #"{"keys":[{"kty":"RSA","n":"tZVgTww5kRk8Fo2vZo46_5tKM3YL01I1YjUFjzIrOhV3lbyn0brStip-SXHENw702FbyhOkHeIwAjP6ot8jDpbmFDRSzcmN9S5sWq_I6gZNeDwLxIcnMlMCzoORJJj0sKqCvS8MT0YZeJZOxyskbM2qynrMEiMIEcpXrPqeGpZVL_yffF-rrHYd6Z8rcoXrFaj5g1GxAdnFNR3Olm3iE9ebah1niA9ik6oToPa77ZqyIvUXbUsUuQV-DViy1yspKeiVybTNBMSfRB1br8X6aRx9jcIyCaS8jxh8otA3ZT6JzlAYJIr3wCKyLZKmjLiscIc30yb_Uv4SvEbR_nRT1_w","e":"AQAB","kid":"k"}]}"#,
            "eyJhbGciOiAiUlMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.BfUj29zPxbjp2PNDCE3AgFlqLQOBQfJHYQvIpxOJGtvf66rpEMdBReYbIiw5LbSzd5xrfm6Xtl98oRKg732zjgw_9SijBTQALu4LatL8LxulS3EHYFQeEkU-qOR-2ZMxfq4cdY_GFau-pwtFD6CSlBuPLHvK_aYwxR54RgVnnE4fSwDnmYq3ceJg9ziU5gsbn1kDz0ZRC-k2u_XbPEMJjmO4NMMsFU1X9rtblupz_xMQgdGXnfoZ80IkeiqZn1xLKt5IjBNsX6AmdWOyVTBz8MSsNJfZG4X-vvSu7ofFM7NSbbVMGUIqXsBpT-KBAXT474olIpnd5Lw5Fxjy3Si_tw"
        ),
        (
            .rs384,
            #"{"keys":[{"kty":"RSA","n":"tZVgTww5kRk8Fo2vZo46_5tKM3YL01I1YjUFjzIrOhV3lbyn0brStip-SXHENw702FbyhOkHeIwAjP6ot8jDpbmFDRSzcmN9S5sWq_I6gZNeDwLxIcnMlMCzoORJJj0sKqCvS8MT0YZeJZOxyskbM2qynrMEiMIEcpXrPqeGpZVL_yffF-rrHYd6Z8rcoXrFaj5g1GxAdnFNR3Olm3iE9ebah1niA9ik6oToPa77ZqyIvUXbUsUuQV-DViy1yspKeiVybTNBMSfRB1br8X6aRx9jcIyCaS8jxh8otA3ZT6JzlAYJIr3wCKyLZKmjLiscIc30yb_Uv4SvEbR_nRT1_w","e":"AQAB","kid":"k"}]}"#,
            "eyJhbGciOiAiUlMzODQiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.b3DGWvO3ysNDTMh3edVZWWRfJJxfMvm1Gm8bPUCJ4Buvvvm02g1GJyqVdB0DFbXvt-xIHROWzLoAigEXFwfm4dCDSsvtJZADrXmdlgvGKAQbRqy_gubuvVVwqIFocKQt2ooEmQ2-OJh7HZbWhb4me6TUKMBfNRBsnbBoCpplrvDlyPV4kxYhgas11hfMID5_1pNBI-Cf0OphXUwDUy5T6Ms986Md5IP1mXNfEj1toUv3P6nGs0y267lxULwSR-cL70tlzvInULyI7WEBH1z0KD0oJ4ZVDE9fPDC8bi92d8wBylzFbd-qYepRzd7Dm_YampsJabQ3oedKOEBNocAlsQ"
        ),
        (
            .rs512,
            #"{"keys":[{"kty":"RSA","n":"tZVgTww5kRk8Fo2vZo46_5tKM3YL01I1YjUFjzIrOhV3lbyn0brStip-SXHENw702FbyhOkHeIwAjP6ot8jDpbmFDRSzcmN9S5sWq_I6gZNeDwLxIcnMlMCzoORJJj0sKqCvS8MT0YZeJZOxyskbM2qynrMEiMIEcpXrPqeGpZVL_yffF-rrHYd6Z8rcoXrFaj5g1GxAdnFNR3Olm3iE9ebah1niA9ik6oToPa77ZqyIvUXbUsUuQV-DViy1yspKeiVybTNBMSfRB1br8X6aRx9jcIyCaS8jxh8otA3ZT6JzlAYJIr3wCKyLZKmjLiscIc30yb_Uv4SvEbR_nRT1_w","e":"AQAB","kid":"k"}]}"#,
            "eyJhbGciOiAiUlM1MTIiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.Dq5muvB5xpcpLFgbP3KAWkYE5UoL-bInCSvnTBM_WZdI19coHiV6XyIK2bMlCmxcSFSeNKqg581R7hApv0CdyjEqZkSRPTyro5gCebGomKZNCY0ph1d4FKkSlvSyholObQht1IGNp-WAkLbxF050aC0wO0QguEBiI8V5kvP6y3GzWY9CDdoeScLytkGoZnEIfhhuNZjIZtN-S8lQvTvsFnHPltM2AAC1LJ6BWIghML5Wh94sA9XB9INU8J4PqBMrluXqCqZx757neG8hz7v2oE3vQXous498qQu9lYrJH513wzy8r--INp576XnhvT_3C7pMfEtbq6ayyRR9XjTX-Q"
        ),
        (
            .ps256,
            #"{"keys":[{"kty":"RSA","n":"tZVgTww5kRk8Fo2vZo46_5tKM3YL01I1YjUFjzIrOhV3lbyn0brStip-SXHENw702FbyhOkHeIwAjP6ot8jDpbmFDRSzcmN9S5sWq_I6gZNeDwLxIcnMlMCzoORJJj0sKqCvS8MT0YZeJZOxyskbM2qynrMEiMIEcpXrPqeGpZVL_yffF-rrHYd6Z8rcoXrFaj5g1GxAdnFNR3Olm3iE9ebah1niA9ik6oToPa77ZqyIvUXbUsUuQV-DViy1yspKeiVybTNBMSfRB1br8X6aRx9jcIyCaS8jxh8otA3ZT6JzlAYJIr3wCKyLZKmjLiscIc30yb_Uv4SvEbR_nRT1_w","e":"AQAB","kid":"k"}]}"#,
            "eyJhbGciOiAiUFMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.pg7_SXUfZujVLTKcg8XujVm8ir6edcs1BoUG2IBU8ylZcTTMCrRWVaNLJUy71Tb4MxJ90ybuFkmdxP275EJQCDktH407ZD_TSAO5goTFy9_0vUCGadUa_eX_7DxWuihh1mT-WN7cnEUpHHNKrSZ0vnrbYapr4bAx4wxJrEWxG1tVXZfr_zyJ-97eOuq9AguiLYBwYFV7JpaQqyjL-l6bY9x3pnLO-qmcBslrBIaHd7IkqdCyXYtBno67f1AO2sj0oWgNxeu2wr33br8AV9snZm5qw3kcltCuL_uHKkKiuuMib13CK5O_PtdbRvRnZnr2MSMgRCVg4pk3Q5XcUwIAnQ"
        ),
        (
            .ps384,
            #"{"keys":[{"kty":"RSA","n":"tZVgTww5kRk8Fo2vZo46_5tKM3YL01I1YjUFjzIrOhV3lbyn0brStip-SXHENw702FbyhOkHeIwAjP6ot8jDpbmFDRSzcmN9S5sWq_I6gZNeDwLxIcnMlMCzoORJJj0sKqCvS8MT0YZeJZOxyskbM2qynrMEiMIEcpXrPqeGpZVL_yffF-rrHYd6Z8rcoXrFaj5g1GxAdnFNR3Olm3iE9ebah1niA9ik6oToPa77ZqyIvUXbUsUuQV-DViy1yspKeiVybTNBMSfRB1br8X6aRx9jcIyCaS8jxh8otA3ZT6JzlAYJIr3wCKyLZKmjLiscIc30yb_Uv4SvEbR_nRT1_w","e":"AQAB","kid":"k"}]}"#,
            "eyJhbGciOiAiUFMzODQiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.LD2jR-ZQQQ8IlgrRvpGjPnoWanhXeBXOhf3NtOv9waA3tYGqMeGfZ77axzODi95rNLSzgkawQVtVcLqXkCtkiwV77xy3c5uY0dY8i37mwm7cJszNNhwkYx-ClIr3CuHPCn8w_oEMh4x_2-Op6EmS6765WuGmfPV4cCGfhXs0ps_HGJlOMFZbyYWIJuM_ww15QmrjOmCit1-BPSL1dlMF_Y5bQJzs_ExdM06sQqaTYjw61sGSQ4GavC7aM7g2ekmMjtfPBJ0LGqYQnWEJLASx6n0HTyK0nY9rBa_BkDwLlX4jcff8ORV0uwhbstOibNGwr5lEa7R_dL6FKCR5wRF26w"
        ),
        (
            .ps512,
            #"{"keys":[{"kty":"RSA","n":"tZVgTww5kRk8Fo2vZo46_5tKM3YL01I1YjUFjzIrOhV3lbyn0brStip-SXHENw702FbyhOkHeIwAjP6ot8jDpbmFDRSzcmN9S5sWq_I6gZNeDwLxIcnMlMCzoORJJj0sKqCvS8MT0YZeJZOxyskbM2qynrMEiMIEcpXrPqeGpZVL_yffF-rrHYd6Z8rcoXrFaj5g1GxAdnFNR3Olm3iE9ebah1niA9ik6oToPa77ZqyIvUXbUsUuQV-DViy1yspKeiVybTNBMSfRB1br8X6aRx9jcIyCaS8jxh8otA3ZT6JzlAYJIr3wCKyLZKmjLiscIc30yb_Uv4SvEbR_nRT1_w","e":"AQAB","kid":"k"}]}"#,
            "eyJhbGciOiAiUFM1MTIiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.c0pvasbBv9Wzca7N36rDs4P9JxJKZaLP5nYJXgfCO7XMjwWIKkOzToAVvhgBb4VBRYf8g1jtg_q4cX9nkdGfwVA3RQmJpVZP6URE8m1cRS6MOkq8p3XChei87piwwLuKbsp5oQ6YKnruIJySiEPYgqFrBJevpH0Z7BRxLEd7JCrgJ_Bi13o9J80VwwwqkBMevRhzFJfG-d0iwMNIa-89xsFitXhOhCYUI_qjUtw-Z_C3FqIl2EV1JZoNgJDdHLUsKe_69lvxYq1E9yq_OqNPX2dFdMF_EtWGBg5hK15O0ZtBx2zHUAzYPqwMBBXWNt8poRF8m1RphCfXUf3-nZEHzA"
        ),
        (
            .es256,
            #"{"keys":[{"kty":"EC","crv":"P-256","x":"1MXWS4p5nVc8HqjbORtLF2P0goEenlLiWNjxHMNRbTM","y":"SWjVHjeSkMUkCUfOemssgSPqR9cFzbcTAhIfl94LYIU","kid":"k"}]}"#,
            "eyJhbGciOiAiRVMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.fkJ-IcQIST73w41ycZAtqoR-caw-BO2jBaMlBSdCtnbXWF3gH5NgIdyC7KFSJWauwPj6UGPiwAwnfS1n4als4w"
        ),
        (
            .es384,
            #"{"keys":[{"kty":"EC","crv":"P-384","x":"RgpRgxUTctSa_gK6DjexYgKpU5mDf2P5m3_4NwYVfQshk2iUygNlICnnXTsjTTc7","y":"_ds60MHfqgTFaJgRpVV8H24MPxgG_JCHiEMvC3_okM0p9C6suZw3cSFIBDCE3Zxb","kid":"k"}]}"#,
            "eyJhbGciOiAiRVMzODQiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.85do38XIPfBSLCwYOUvglmH13qK7t-50jaTrxD7jWpJEq1hlRf-tMO4vfRqzNcmLcQptx99GUmyxeIpJ6s3JcrQNuyKr3DYvpUSg2fZRN7qKFnBaj5AkzHRZPQDI6Euz"
        ),
        (
            .es512,
            #"{"keys":[{"kty":"EC","crv":"P-521","x":"ACXpn83CNlx5I9WClZgRPVdHubqZ_0qkId9rRbIVRY9cCQyhXl7LbMK3hAknTMwVDy6A53X9nIk2I262rXFCS6ij","y":"ARPFszExp8ZJsUW8ODhip8Zz1cGFpS6ml-Q2bl0LHV7fJcVv9M8It26oJCnJQWbeUvn98o6gl7pGSxmdiDKE9sew","kid":"k"}]}"#,
            "eyJhbGciOiAiRVM1MTIiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.AZVgAkP9Fj-rbbTxR8279AneNFhbEzeacX22rWS9crD3av3i73uXhVexp38BW0qGMJlHBBf1eXMyO8bDneOrK5bWAXnYLNgGXtkmueLaeasjNNylC73ucpFN-YV5s0EMh9XX9qO_9e3Yd2vnF3THIaNBWxNQrmVFrUoG7-hp2ZK8gj_9"
        ),
        (
            .edDSA,
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"kbEx8vwFLv823kE40F5KfaNp0-_j2_pEAoqnxHtD9lU","kid":"k"}]}"#,
            "eyJhbGciOiAiRWREU0EiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.MUTcaFajeKWAcLgMqY-5JcJYZk_S2XKSyqxgVWEgzqxR_97P-Tnlq5iz8qSZ9-lXlM5sFLdRhXYRglUIbLFZAw"
        ),
        (
            .hs256,
            #"{"keys":[{"kty":"oct","k":"JBFRGCxTlWCQM1UXrDbNF730JjyZ3uGnZ6a7YlTKrr39qDAXxxLscP2_BYTw1zmZHUEk6F4e99XN_s6IQxULeQ","kid":"k"}]}"#,
            "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.DKon1iJVAjyWafA8vGRGQ9ra-3OJsmimIof7zbBgAxU"
        ),
        (
            .hs384,
            #"{"keys":[{"kty":"oct","k":"JBFRGCxTlWCQM1UXrDbNF730JjyZ3uGnZ6a7YlTKrr39qDAXxxLscP2_BYTw1zmZHUEk6F4e99XN_s6IQxULeQ","kid":"k"}]}"#,
            "eyJhbGciOiAiSFMzODQiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.1zAOdznUZNOrWsyypVxbXj7YBudAVH8IFyGlWUTeDBsUebpkU9xJtj7MEFXgwkCO"
        ),
        (
            .hs512,
            #"{"keys":[{"kty":"oct","k":"JBFRGCxTlWCQM1UXrDbNF730JjyZ3uGnZ6a7YlTKrr39qDAXxxLscP2_BYTw1zmZHUEk6F4e99XN_s6IQxULeQ","kid":"k"}]}"#,
            "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCIsICJraWQiOiAiayJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAicyJ9.ue8oFW4ZNKLNQKi9Ge4lTOIDWi8dKxRDf0scAjeWx2ovtFUxLvMgrHFAo6FPoyO-NCN--uwhBHlUlUf-kUlIwg"
        ),
    ]
}
