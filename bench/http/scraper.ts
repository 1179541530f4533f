/**
 * Scrapes the metrics of proxies once a second, as Prometheus would: `scraper.ts ADDRESS…`. Prints a line when it begins;
 * runs until it is killed.
 */
import { PROXY_ADMIN_PORT } from '../../api/ports.ts';

const addresses = process.argv.slice(2);
setInterval(() => {
  for (const address of addresses)
    fetch(`http://${address}:${PROXY_ADMIN_PORT}/metrics`).then(
      (answer) => answer.text(),
      (error: Error) => process.stderr.write(`! ${address} cannot be scraped: ${error.message}\n`),
    );
}, 1000);
process.stdout.write('scraping\n');
