//! What was typed after `bevis verifier grants`.

use clap::Subcommand;

/// `verifier grants`
#[derive(Subcommand)]
pub enum Grants {
    /// Ask a customer for a standing grant under a registered service
    Request {
        /// Service (S15)
        #[arg(long)]
        service: String,
        /// Your case
        #[arg(long)]
        case: String,
        /// The customer's number; - reads it from stdin
        #[arg(long)]
        subject: String,
        /// The type, where the service has several
        #[arg(long = "type")]
        types: Vec<String>,
        /// Only this claim path (a.b[].c); may be repeated
        #[arg(long = "claim")]
        claims: Vec<String>,
        /// DID of who is to release; needed where several issue the type
        #[arg(long)]
        issuer: Option<String>,
        /// Days it lasts; as long as is registered when not given
        #[arg(long)]
        days: Option<u32>,
        /// Fetches a day; as many as are registered when not given
        #[arg(long)]
        uses: Option<u16>,
        /// Seconds the request lives
        #[arg(long)]
        seconds: Option<i64>,
    },
    /// Grants that customers have given, and how they stand
    List,
    /// One of them, with what may still be read
    Show {
        /// Name
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Fetch what is granted
    Refresh {
        /// Name
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Only this claim path (a.b[].c); may be repeated
        #[arg(long = "claim")]
        claims: Vec<String>,
        /// Ask the source although the grant has ended here, to see that it refuses
        #[arg(long)]
        even_so: bool,
    },
    /// The customer has logged out: what was fetched for that is gone
    Logout {
        /// Name
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
}
