/// The version of the package: the one place that has it. `CHANGELOG.md` says what is new in it.
package enum PackageVersion {
  package static let text = "0.2.0"
}
