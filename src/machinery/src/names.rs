//! DNS labels, subdomains, qualified names: what is allowed, and the words of the refusal.

/// What is wrong with a DNS-1123 subdomain; empty: nothing.
pub fn dns_subdomain(_text: &str) -> Vec<String> {
    unimplemented!()
}
/// What is wrong with a DNS-1123 label; empty: nothing.
pub fn dns_label(_text: &str) -> Vec<String> {
    unimplemented!()
}
/// What is wrong with a qualified name (label and annotation keys); empty: nothing.
pub fn qualified(_text: &str) -> Vec<String> {
    unimplemented!()
}
/// What is wrong with a label value; empty: nothing.
pub fn label_value(_text: &str) -> Vec<String> {
    unimplemented!()
}
