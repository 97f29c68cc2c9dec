# docker buildx bake -f deploy/image/docker-bake.hcl             builds for this machine, and loads it as zidecar:dev
# docker buildx bake -f deploy/image/docker-bake.hcl release     builds for every architecture, and pushes
#
# The same sources give the same image, to the byte: packages come from the lock file, the base images are named by exact versions, and
# every time in it is SOURCE_DATE_EPOCH. Name the time of the commit: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct).

variable "IMAGE" { default = "zidecar" }
variable "VERSION" { default = "dev" }
variable "REVISION" { default = "unknown" }
variable "CREATED" { default = "unknown" }
variable "SOURCE_DATE_EPOCH" { default = "0" }

group "default" {
  targets = ["local"]
}

target "image" {
  context    = "."
  dockerfile = "Dockerfile"
  args = {
    VERSION           = VERSION
    REVISION          = REVISION
    CREATED           = CREATED
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
}

target "local" {
  inherits = ["image"]
  tags     = ["${IMAGE}:${VERSION}"]
  output   = ["type=docker"]
}

target "release" {
  inherits  = ["image"]
  platforms = ["linux/amd64", "linux/arm64"]
  tags      = ["${IMAGE}:${VERSION}"]
  attest    = ["type=sbom", "type=provenance,mode=max"]
  output    = ["type=registry,rewrite-timestamp=true,oci-mediatypes=true"]
}
