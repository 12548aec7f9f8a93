//! One macro for the root types of mirrors.

/// Defines a kind without a required `spec`: its root struct, its wire form and its [`kube::Resource`].
///
/// The derive of kube-rs makes `spec` required, and one object without it would then fail a whole list.
macro_rules! root {
    (
        $(#[$meta:meta])*
        $name:ident = $kind:literal, $plural:literal, $scope:ty;
        $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        pub struct $name {
            /// Standard object metadata.
            #[serde(default)]
            pub metadata: kube::core::ObjectMeta,
            $($(#[$field_meta])* #[serde(default)] pub $field: Option<$type>,)*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(serde::Serialize)]
                struct Wire<'a> {
                    #[serde(rename = "apiVersion")]
                    api_version: String,
                    kind: &'static str,
                    metadata: &'a kube::core::ObjectMeta,
                    $(#[serde(skip_serializing_if = "Option::is_none")] $field: Option<&'a $type>,)*
                }
                let wire = Wire {
                    api_version: <Self as kube::Resource>::api_version(&()).into_owned(),
                    kind: $kind,
                    metadata: &self.metadata,
                    $($field: self.$field.as_ref(),)*
                };
                wire.serialize(serializer)
            }
        }

        impl kube::Resource for $name {
            type DynamicType = ();
            type Scope = $scope;

            fn kind(_: &()) -> std::borrow::Cow<'_, str> {
                $kind.into()
            }
            fn group(_: &()) -> std::borrow::Cow<'_, str> {
                $crate::group::CONTAINERS.into()
            }
            fn version(_: &()) -> std::borrow::Cow<'_, str> {
                $crate::VERSION.into()
            }
            fn plural(_: &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &kube::core::ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut kube::core::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
